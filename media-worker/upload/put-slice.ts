/** One slice, from its file to S3. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { type Dispatcher, request } from "undici";
import { isMissing } from "../recorder/part-files.ts";
import type { Patience } from "./patience.ts";

const CHUNK_BYTES = 256 * 1024;
const ETAG_MAX = 200;

/** The slice is not on disk as it should be. */
export class SliceDamaged extends Error {
  override name = "SliceDamaged";
}

/** S3 was not reached or did not take it. `status`: null without an answer; `code`: S3's, e.g. `NoSuchUpload`. */
export class PutFailed extends Error {
  override name = "PutFailed";
  readonly status: number | null;
  readonly code: string;

  constructor(message: string, status: number | null, code: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
    this.code = code;
  }
}

export type Put = {
  file: string;
  /** Bytes of the file to be sent, from its begin. */
  size: number;
  url: string;
  dispatcher: Dispatcher;
  patience: Patience;
  signal: AbortSignal;
};

/** Returns its ETag. Throws `SliceDamaged`, `PutFailed` or the signal's reason. */
export async function putSlice({ file, size, url, dispatcher, patience, signal }: Put): Promise<string> {
  if ((await sizeOf(file)) < size) throw new SliceDamaged(`${file} is missing or too short`);
  const began = performance.now();
  const watch = new Watchdog(patience.standstill(size));
  // The file is opened when its bytes are asked for: before that, nobody would hear of its errors.
  async function* chunks() {
    for await (const chunk of createReadStream(file, { end: size - 1, highWaterMark: CHUNK_BYTES })) {
      watch.feed();
      yield chunk;
    }
    watch.feed();
  }
  try {
    const { statusCode, headers, body } = await request(url, {
      method: "PUT",
      headers: { "content-length": String(size) },
      body: Readable.from(chunks(), { objectMode: false }),
      dispatcher,
      signal: AbortSignal.any([signal, watch.signal]),
      // The watchdog knows better: slow is not dead.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    const text = await body.text();
    const code = codeOf(text);
    if (statusCode !== 200) throw new PutFailed(`S3 answered ${statusCode} ${code}`, statusCode, code);
    const { etag } = headers;
    if (typeof etag !== "string" || etag === "" || etag.length > ETAG_MAX) {
      throw new PutFailed("S3 answered without an ETag", statusCode, "");
    }
    patience.took(size, performance.now() - began);
    return etag;
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof PutFailed) throw cause;
    if (watch.signal.aborted) patience.stalled();
    throw new PutFailed(watch.signal.aborted ? "nothing moves" : "the connection failed", null, "", { cause });
  } finally {
    watch.stop();
  }
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (isMissing(error)) return 0;
    throw error;
  }
}

const codeOf = (xml: string) => /<Code>(\w{1,64})<\/Code>/.exec(xml)?.[1] ?? "";

/** Aborts when it was not fed for so long. */
class Watchdog {
  readonly #abort = new AbortController();
  readonly #timer: NodeJS.Timeout;

  constructor(ms: number) {
    this.#timer = setTimeout(() => this.#abort.abort(), ms);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  feed(): void {
    this.#timer.refresh();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
