/** What the `<video>` element says, put into the store and told to the session. */
import type { Store } from "../store.ts";
import type { VodState } from "./state.ts";
import { spansOf } from "./timeline.ts";

export type ElementEvents = {
  /** Until then the element is not where it should be, and what it says does not count. */
  ready(): boolean;
  metadata(): void;
  plays(): void;
  /** Nothing to play at this place yet. `dry`: it played up to here. */
  waits(dry: boolean): void;
  moved(): void;
  paused(): void;
  ended(): void;
};

export function followElement(
  video: HTMLVideoElement,
  store: Store<VodState>,
  session: ElementEvents,
  signal: AbortSignal,
): void {
  const on = (type: string, listener: () => void) => video.addEventListener(type, listener, { signal });
  const onceReady = (type: string, listener: () => void) => on(type, () => session.ready() && listener());
  const sound = () => store.set({ muted: video.muted, volume: video.volume });
  const buffered = () => {
    const spans = spansOf(video.buffered);
    if (JSON.stringify(spans) !== JSON.stringify(store.get().buffered)) store.set({ buffered: spans });
  };
  sound();
  on("volumechange", sound);
  on("loadedmetadata", session.metadata);
  on("durationchange", () => {
    if (Number.isFinite(video.duration) && video.duration > 0) store.set({ duration: video.duration });
  });
  on("play", () => store.set({ paused: false, blocked: false }));
  on("pause", () => {
    store.set({ paused: true });
    session.paused();
  });
  onceReady("playing", session.plays);
  onceReady("seeked", session.plays);
  onceReady("seeking", () => session.waits(false));
  onceReady("waiting", () => session.waits(true));
  onceReady("progress", buffered);
  onceReady("timeupdate", () => {
    store.set({ time: video.currentTime });
    buffered();
    session.moved();
  });
  onceReady("ended", () => {
    store.set({ phase: "ended", time: video.duration });
    session.ended();
  });
}
