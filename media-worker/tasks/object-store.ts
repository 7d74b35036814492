/** Reads ranges of an object and writes small objects, by presigned addresses. Both try again what may get better. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Dispatcher, request } from "undici";
import { TaskFailure } from "./task-failure.ts";

const ATTEMPTS = 3;
const RETRY_MS = 500;
const SILENT_MS = 15_000;
const REPLY_MAX_BYTES = 16 * 1024;

/** Asking again may help; the other answers are for good. */
const mayGetBetter = (status: number) => status >= 500 || status === 429 || status === 408;

export type Range = { url: string; offset: number; size: number };

/** Exactly these bytes, or fewer where the object ends. Throws `TaskFailure`, or the signal's reason. */
export function readRange({ url, offset, size }: Range, dispatcher: Dispatcher, signal: AbortSignal): Promise<Buffer> {
  return persistently(signal, async () => {
    const { statusCode, body } = await request(url, {
      headers: { range: `bytes=${offset}-${offset + size - 1}` },
      dispatcher,
      signal,
      headersTimeout: SILENT_MS,
      bodyTimeout: SILENT_MS,
    });
    // An object that answers with all of itself would be read from its start.
    const usable = statusCode === 206 || (statusCode === 200 && offset === 0);
    const bytes = await upTo(body, usable ? size : REPLY_MAX_BYTES, usable && statusCode === 200);
    return usable ? bytes : { status: statusCode };
  });
}

/** Throws `TaskFailure`, or the signal's reason. */
export async function putJpeg(
  url: string,
  picture: Buffer,
  dispatcher: Dispatcher,
  signal: AbortSignal,
): Promise<void> {
  await persistently(signal, async () => {
    const { statusCode, body } = await request(url, {
      method: "PUT",
      headers: { "content-type": "image/jpeg", "content-length": String(picture.length) },
      body: picture,
      dispatcher,
      signal,
      headersTimeout: SILENT_MS,
      bodyTimeout: SILENT_MS,
    });
    const reply = await upTo(body, REPLY_MAX_BYTES, true);
    return statusCode === 200 || statusCode === 201 || statusCode === 204 ? reply : { status: statusCode };
  });
}

/** What `attempt` returns; an unusable status or a connection that fails is tried again. */
async function persistently(signal: AbortSignal, attempt: () => Promise<Buffer | { status: number }>): Promise<Buffer> {
  for (let failures = 1; ; failures++) {
    let failure: TaskFailure;
    try {
      const outcome = await attempt();
      if (Buffer.isBuffer(outcome)) return outcome;
      failure = new TaskFailure("upstream", `the storage answered ${outcome.status}`);
      if (!mayGetBetter(outcome.status)) throw failure;
    } catch (cause) {
      signal.throwIfAborted();
      if (cause instanceof TaskFailure) throw cause;
      failure = new TaskFailure("upstream", "the storage was not reached", { cause });
    }
    if (failures === ATTEMPTS) throw failure;
    await sleep(RETRY_MS * failures, undefined, { signal });
  }
}

/** `cut`: what comes beyond is left unread; otherwise it is an error. */
async function upTo(body: Dispatcher.ResponseData["body"], max: number, cut: boolean): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length < max) continue;
    if (length > max && !cut) throw new TaskFailure("upstream", "the storage sent more than was asked for");
    if (length > max) break;
  }
  return Buffer.concat(chunks).subarray(0, max);
}
