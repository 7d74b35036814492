/** Mute and volume: the control, and what it does to the element. */
import { iconButton, show } from "./buttons.ts";
import { element } from "./dom.ts";
import type { Part } from "./part.ts";
import { saveVolume } from "./preferences.ts";
import type { ElementState } from "./state.ts";

export type SoundActions = {
  toggleMute(): void;
  setVolume(volume: number): void;
  changeVolume(by: number): void;
};

export function soundActions(video: HTMLVideoElement): SoundActions {
  const set = (volume: number, muted: boolean) => {
    video.volume = Math.min(1, Math.max(0, volume));
    video.muted = muted;
    saveVolume(video.volume, muted);
  };
  return {
    toggleMute: () => set(video.volume || 0.5, !video.muted && video.volume > 0),
    setVolume: (volume) => set(volume, false),
    changeVolume: (by) => set(video.volume + by, false),
  };
}

export function createSound(actions: SoundActions): Part<Pick<ElementState, "muted" | "volume">> {
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
  return {
    node: element("div", { class: "sl-sound" }, mute, volume),
    update(state) {
      const silent = state.muted || state.volume === 0;
      show(mute, silent ? "mute" : state.volume < 0.5 ? "quiet" : "loud", silent ? "Unmute (m)" : "Mute (m)");
      const level = state.muted ? 0 : state.volume;
      volume.value = String(level);
      volume.style.setProperty("--level", `${level * 100}%`);
    },
  };
}
