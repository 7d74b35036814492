/** The bar of controls along the lower edge: the seek bar, and the buttons beneath it. */
import { fullscreenButton, iconButton, show } from "../buttons.ts";
import { createChoiceMenu } from "../choice-menu.ts";
import { element, setText } from "../dom.ts";
import type { Part } from "../part.ts";
import { createQualityMenu } from "../quality-menu.ts";
import { createSound, type SoundActions } from "../sound.ts";
import { clock } from "./clock.ts";
import { createSeekBar } from "./seek-bar.ts";
import type { VodState } from "./state.ts";

export const SPEEDS: readonly number[] = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];

export type VodControlActions = SoundActions & {
  togglePlay(): void;
  seekTo(seconds: number): void;
  setSpeed(speed: number): void;
  setQuality(index: number): void;
  toggleFullscreen(): void;
  togglePip(): void;
};

type Options = {
  fullscreen: boolean;
  pip: boolean;
  signal: AbortSignal;
};

export function createVodControls(actions: VodControlActions, options: Options): Part<VodState> {
  const { signal } = options;
  const seek = createSeekBar(actions.seekTo);
  const play = iconButton("Play (k)", actions.togglePlay);
  const sound = createSound(actions);
  const now = element("span");
  const whole = element("span", { class: "sl-whole" });
  const speed = createChoiceMenu({ name: "Speed", icon: "speed", choose: actions.setSpeed });
  const speeds = SPEEDS.map((value) => ({ value, label: `${value}×` }));
  const quality = createQualityMenu(actions.setQuality);
  const buttons = element(
    "div",
    { class: "sl-buttons" },
    play,
    sound.node,
    element("span", { class: "sl-time" }, now, whole),
    element("div", { class: "sl-space" }),
    speed.node,
    quality.node,
    ...(options.pip ? [iconButton("Picture in picture", actions.togglePip, "pip")] : []),
    ...(options.fullscreen ? [fullscreenButton(actions.toggleFullscreen, signal)] : []),
  );
  const node = element("div", { class: "sl-bar", role: "group", "aria-label": "Player controls" }, seek.node, buttons);
  return {
    node,
    update(state) {
      seek.update(state);
      if (state.phase === "ended") show(play, "again", "Play again (k)");
      else show(play, state.paused ? "play" : "pause", state.paused ? "Play (k)" : "Pause (k)");
      sound.update(state);
      setText(now, clock(state.time));
      setText(whole, ` / ${clock(state.duration)}`);
      speed.update({ all: speeds, chosen: state.speed });
      quality.update(state);
    },
  };
}
