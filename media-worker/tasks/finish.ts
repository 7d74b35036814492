import type { Executor } from "./task-runner.ts";

/** Resolves when nothing of the session is left here. */
export type Drained = (stream_id: number, session: string, signal: AbortSignal) => Promise<void>;

/** Waits until all that was recorded of a session is handed in. Uploads go on by themselves, and for ever. */
export const finishExecutor =
  (drained: Drained): Executor<"finish"> =>
  ({ stream_id, session }, signal) =>
    drained(stream_id, session, signal);
