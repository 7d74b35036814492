/** What differs between the kinds of tasks: who may do them, and what becomes of an attempt that failed. */
import type { Role } from "#contract/media";
import { ABANDONED_MS } from "#contract/recording";
import type { TaskKind } from "#contract/tasks";

type Policy = {
  /** What a media worker must be able to do. */
  role: Role;
  /**
   * Only the worker in `affinity` can do it, because it holds what the task is about. It waits there for what is done
   * anyway, so it costs nothing: a slow upload keeps no other recording from being finished.
   */
  pinned: boolean;
  attempts: number;
  /** Waits between two attempts double from `first` to `most`. */
  retry_ms: { first: number; most: number };
  /** What nobody could be found for in this time is not wanted any more. */
  waits_ms: number;
};

const HOUR_MS = 3_600_000;

export const TASK_POLICY: Record<TaskKind, Policy> = {
  finish: {
    role: "record",
    pinned: true,
    attempts: Infinity,
    retry_ms: { first: 2_000, most: 60_000 },
    // By then the recording was completed without what its worker holds.
    waits_ms: 2 * ABANDONED_MS,
  },
  thumbnail: {
    role: "transcode",
    pinned: false,
    attempts: 3,
    retry_ms: { first: 5_000, most: 300_000 },
    waits_ms: 7 * 24 * HOUR_MS,
  },
};

/** So many a worker holds at once: it names each of them in its hello. */
export const PINNED_MAX = 64;

/** How long to wait after attempt number `attempt` (from 1) failed; with jitter, between half of it and all of it. */
export function retryDelay(kind: TaskKind, attempt: number, random: () => number = Math.random): number {
  const { first, most } = TASK_POLICY[kind].retry_ms;
  return Math.min(most, first * 2 ** (attempt - 1)) * (0.5 + random() / 2);
}
