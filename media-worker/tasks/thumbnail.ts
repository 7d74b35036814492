/** Makes the pictures of a recording from keyframes read out of it on S3, and puts them there. */
import { Agent, type Dispatcher } from "undici";
import type { TaskOrder } from "#contract/tasks";
import { KeyframeReader, readAhead } from "./keyframes.ts";
import { putJpeg } from "./object-store.ts";
import { posterOf, storyboardOf } from "./pictures.ts";
import { TaskFailure } from "./task-failure.ts";
import type { Executor } from "./task-runner.ts";

const TASK_MS = 300_000;
/** Keyframes that are read at once. */
const AHEAD = 4;

type Order = Extract<TaskOrder, { kind: "thumbnail" }>;

export function thumbnailExecutor(dispatcher: Dispatcher = new Agent()): Executor<"thumbnail"> {
  return async (order, signal) => {
    const limit = AbortSignal.timeout(TASK_MS);
    try {
      await makePictures(order, dispatcher, AbortSignal.any([signal, limit]));
    } catch (error) {
      signal.throwIfAborted();
      if (limit.aborted) throw new TaskFailure("upstream", "the pictures took too long", { cause: error });
      throw error;
    }
  };
}

async function makePictures(order: Order, dispatcher: Dispatcher, signal: AbortSignal): Promise<void> {
  const reader = new KeyframeReader(order.sources, dispatcher, signal);
  const { frames } = order;
  const keyframes = readAhead(frames, AHEAD, (frame) => reader.read(frame));
  const { jpeg, shown } = await storyboardOf(keyframes, frames.length, order.storyboard, signal);

  // The frame that was chosen may be the one that is broken.
  const second = frames[shown[0] ?? -1];
  let poster: Buffer | null = null;
  for (const frame of second ? [order.poster, second] : [order.poster]) {
    const keyframe = await reader.read(frame);
    poster = keyframe && (await posterOf(keyframe, signal));
    if (poster) break;
  }
  if (!poster) throw new TaskFailure("input", "no picture of the recording can be decoded");
  await putJpeg(order.put_poster, poster, dispatcher, signal);
  await putJpeg(order.put_storyboard, jpeg, dispatcher, signal);
}
