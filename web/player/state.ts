/** What a player shows. One store; the session writes it, controls and screens follow it. */
import type { StreamInfo } from "./info.ts";
import { createStore as createGenericStore, type Store as GenericStore } from "./store.ts";

export type Phase = "loading" | "waiting" | "playing" | "buffering" | "ended" | "error";

export type Problem =
  /** The key is wrong, the stream is private, or it is gone: the API does not say which. */
  | "refused"
  /** No answer from the server; tried again by itself. */
  | "unreachable"
  /** The browser plays neither MSE nor HLS. */
  | "unsupported"
  /** The browser gave up on the media several times in a row. */
  | "media";

export type Quality = { index: number; label: string };

/** What the live player and the one for recordings have in common. */
export type ElementState = {
  paused: boolean;
  muted: boolean;
  /** 0 to 1. */
  volume: number;
  /** The browser wants a click before it plays at all. */
  blocked: boolean;
  audioOnly: boolean;
  qualities: Quality[];
  /** -1: chosen by bandwidth. */
  quality: number;
};

export const initialElementState = (): ElementState => ({
  paused: true,
  muted: false,
  volume: 1,
  blocked: false,
  audioOnly: false,
  qualities: [],
  quality: -1,
});

export type PlayerState = ElementState & {
  phase: Phase;
  problem: Problem | null;
  /** The playlist goes on: there is a live edge. */
  live: boolean;
  /** Seconds behind where live playback should be; 0 at the edge. */
  behind: number;
  /** The browser allowed playback only without sound. */
  mutedByBrowser: boolean;
  info: StreamInfo | null;
};

const initialState = (): PlayerState => ({
  ...initialElementState(),
  phase: "loading",
  problem: null,
  live: false,
  behind: 0,
  mutedByBrowser: false,
  info: null,
});

export type Store = GenericStore<PlayerState>;

export const createStore = (): Store => createGenericStore(initialState());
