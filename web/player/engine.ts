/** What drives the `<video>` element: hls.js where Media Source Extensions exist, the browser's own HLS elsewhere. */
import type { Quality } from "./state.ts";

export type Failure =
  /** Nothing is published (404). */
  | "gone"
  /** The key or the path token is not accepted (403). */
  | "refused"
  | "network"
  | "media";

export type EngineEvents = {
  qualities(qualities: Quality[]): void;
  /** After the first playlist and whenever it has something new: does it go on (no ENDLIST)? */
  live(live: boolean): void;
  audioOnly(audioOnly: boolean): void;
  /** Playback may begin: there is enough to go on without a stall. */
  ready(): void;
  /** The engine has stopped; at most one call. */
  failed(failure: Failure): void;
};

export type Engine = {
  /** Where live playback belongs, in the element's time; null before the first playlist. */
  livePosition(): number | null;
  /** Goes there, or to where decoding can begin on the way there. */
  toLive(): void;
  /** -1: by bandwidth. */
  setQuality(index: number): void;
  destroy(): void;
};

export type OpenEngine = (video: HTMLVideoElement, indexUrl: string, events: EngineEvents) => Engine;
