/** The bar of controls along the lower edge. */
import { element, setText } from "./dom.ts";
import { type IconName, icon } from "./icons.ts";
import { createQualityMenu } from "./quality-menu.ts";
import type { PlayerState } from "./state.ts";

export type ControlActions = {
  togglePlay(): void;
  toggleMute(): void;
  setVolume(volume: number): void;
  toLive(): void;
  setQuality(index: number): void;
  toggleFullscreen(): void;
  togglePip(): void;
};

export type Part = { node: HTMLElement; update(state: PlayerState): void };

export function createControls(
  actions: ControlActions,
  { fullscreen: canFill, pip: canFloat, signal }: { fullscreen: boolean; pip: boolean; signal: AbortSignal },
): Part {
  const play = iconButton("Play (k)", actions.togglePlay);
  const mute = iconButton("Mute (m)", actions.toggleMute);
  const volume = element("input", {
    class: "sl-volume",
    type: "range",
    min: "0",
    max: "1",
    step: "0.05",
    "aria-label": "Volume",
    oninput: () => actions.setVolume(Number(volume.value)),
  });
  const liveText = element("span", {}, "Live");
  const live = element("button", { class: "sl-live", type: "button", onclick: actions.toLive }, element("i"), liveText);
  const viewers = element("span", { class: "sl-viewers" }, icon("viewers"), element("span"));
  const quality = createQualityMenu(actions.setQuality);
  const pip = iconButton("Picture in picture", actions.togglePip, "pip");
  const fullscreen = iconButton("Full screen (f)", actions.toggleFullscreen, "enter");
  const node = element(
    "div",
    { class: "sl-bar", role: "group", "aria-label": "Player controls" },
    play,
    element("div", { class: "sl-sound" }, mute, volume),
    live,
    viewers,
    element("div", { class: "sl-space" }),
    quality.node,
    ...(canFloat ? [pip] : []),
    ...(canFill ? [fullscreen] : []),
  );
  const followFullscreen = () => {
    const inside = document.fullscreenElement?.contains(node) ?? false;
    show(fullscreen, inside ? "leave" : "enter", inside ? "Leave full screen (f)" : "Full screen (f)");
  };
  document.addEventListener("fullscreenchange", followFullscreen, { signal });
  return {
    node,
    update(state) {
      show(play, state.paused ? "play" : "pause", state.paused ? "Play (k)" : "Pause (k)");
      const silent = state.muted || state.volume === 0;
      show(mute, silent ? "mute" : state.volume < 0.5 ? "quiet" : "loud", silent ? "Unmute (m)" : "Mute (m)");
      const level = state.muted ? 0 : state.volume;
      volume.value = String(level);
      volume.style.setProperty("--level", `${level * 100}%`);
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

function iconButton(label: string, onclick: () => void, name: IconName = "play"): HTMLButtonElement {
  const button = element("button", { class: "sl-button", type: "button", onclick });
  show(button, name, label);
  return button;
}

function show(button: HTMLButtonElement, name: IconName, label: string): void {
  if (button.dataset.icon !== name) button.replaceChildren(icon(name));
  button.dataset.icon = name;
  button.setAttribute("aria-label", label);
  button.title = label;
}
