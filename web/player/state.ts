/** What a player shows. One store; the session writes it, controls and screens follow it. */
import type { StreamInfo } from "./info.ts";

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

export type PlayerState = {
  phase: Phase;
  problem: Problem | null;
  /** The playlist goes on: there is a live edge. */
  live: boolean;
  /** Seconds behind where live playback should be; 0 at the edge. */
  behind: number;
  paused: boolean;
  muted: boolean;
  /** 0 to 1. */
  volume: number;
  /** The browser allowed playback only without sound. */
  mutedByBrowser: boolean;
  /** The browser wants a click before it plays at all. */
  blocked: boolean;
  audioOnly: boolean;
  qualities: Quality[];
  /** -1: chosen by bandwidth. */
  quality: number;
  info: StreamInfo | null;
};

const initialState = (): PlayerState => ({
  phase: "loading",
  problem: null,
  live: false,
  behind: 0,
  paused: true,
  muted: false,
  volume: 1,
  mutedByBrowser: false,
  blocked: false,
  audioOnly: false,
  qualities: [],
  quality: -1,
  info: null,
});

export type Listener = (state: PlayerState) => void;

export type Store = {
  get(): PlayerState;
  /** Listeners hear of it at once, and only of changes. */
  set(patch: Partial<PlayerState>): void;
  /** Calls `listener` now and on each change; returns how to stop. */
  subscribe(listener: Listener): () => void;
};

export function createStore(): Store {
  let state = initialState();
  const listeners = new Set<Listener>();
  return {
    get: () => state,
    set(patch) {
      const keys = Object.keys(patch) as (keyof PlayerState)[];
      if (keys.every((key) => Object.is(state[key], patch[key]))) return;
      state = { ...state, ...patch };
      for (const listener of listeners) listener(state);
    },
    subscribe(listener) {
      listeners.add(listener);
      listener(state);
      return () => listeners.delete(listener);
    },
  };
}
