/** The bar of controls along the lower edge. */
import { fullscreenButton, iconButton, show } from "./buttons.ts";
import { element, setText } from "./dom.ts";
import { icon } from "./icons.ts";
import type { Part } from "./part.ts";
import { createQualityMenu } from "./quality-menu.ts";
import { createSound, type SoundActions } from "./sound.ts";
import type { PlayerState } from "./state.ts";

export type ControlActions = SoundActions & {
  togglePlay(): void;
  toLive(): void;
  setQuality(index: number): void;
  toggleFullscreen(): void;
  togglePip(): void;
};

export function createControls(
  actions: ControlActions,
  { fullscreen: canFill, pip: canFloat, signal }: { fullscreen: boolean; pip: boolean; signal: AbortSignal },
): Part<PlayerState> {
  const play = iconButton("Play (k)", actions.togglePlay);
  const sound = createSound(actions);
  const liveText = element("span", {}, "Live");
  const live = element("button", { class: "sl-live", type: "button", onclick: actions.toLive }, element("i"), liveText);
  const viewers = element("span", { class: "sl-viewers" }, icon("viewers"), element("span"));
  const quality = createQualityMenu(actions.setQuality);
  const pip = iconButton("Picture in picture", actions.togglePip, "pip");
  const fullscreen = fullscreenButton(actions.toggleFullscreen, signal);
  const node = element(
    "div",
    { class: "sl-bar", role: "group", "aria-label": "Player controls" },
    play,
    sound.node,
    live,
    viewers,
    element("div", { class: "sl-space" }),
    quality.node,
    ...(canFloat ? [pip] : []),
    ...(canFill ? [fullscreen] : []),
  );
  return {
    node,
    update(state) {
      show(play, state.paused ? "play" : "pause", state.paused ? "Play (k)" : "Pause (k)");
      sound.update(state);
      live.hidden = !state.live;
      live.dataset.behind = String(state.behind > 0);
      setText(liveText, state.behind > 0 ? `${state.behind} s behind` : "Live");
      live.setAttribute(
        "aria-label",
        state.behind > 0 ? `${state.behind} seconds behind live. Jump to live (l)` : "Live",
      );
      live.title = state.behind > 0 ? "Jump to live (l)" : "";
      const watching = state.info?.viewer_count ?? 0;
      viewers.hidden = !state.live || watching === 0;
      viewers.title = watching === 1 ? "1 viewer" : `${watching} viewers`;
      setText(viewers.lastElementChild ?? viewers, String(watching));
      quality.update(state);
    },
  };
}
