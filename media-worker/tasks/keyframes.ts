/** Reads single keyframes out of recordings on S3: each costs two small ranged requests, not the run around it. */
import type { Dispatcher } from "undici";
import type { Frame, TaskOrder } from "#contract/tasks";
import { firstSample, type VideoTrack, videoTrackOf } from "./mp4-video.ts";
import { readRange } from "./object-store.ts";
import { TaskFailure } from "./task-failure.ts";

type Sources = Extract<TaskOrder, { kind: "thumbnail" }>["sources"];

const HEADER_MAX_BYTES = 1024 * 1024;
/** Enough for `moof`, and for the keyframe of many a stream. */
const FIRST_BYTES = 64 * 1024;
const MOOF_MAX_BYTES = 1024 * 1024;
const SAMPLE_MAX_BYTES = 8 * 1024 * 1024;

/** NAL units with length prefixes, and the decoder configuration they need. */
export type Keyframe = { source: number; avcC: Buffer; sample: Buffer };

export class KeyframeReader {
  readonly #sources: Sources;
  readonly #dispatcher: Dispatcher;
  readonly #signal: AbortSignal;
  readonly #tracks = new Map<number, Promise<VideoTrack | null>>();

  constructor(sources: Sources, dispatcher: Dispatcher, signal: AbortSignal) {
    this.#sources = sources;
    this.#dispatcher = dispatcher;
    this.#signal = signal;
  }

  /** Null when there is no picture where there should be one. Throws `TaskFailure` when the storage fails. */
  async read(frame: Frame): Promise<Keyframe | null> {
    const source = this.#sources[frame.source];
    if (!source) throw new TaskFailure("internal", `there is no source ${frame.source}`);
    const track = await this.#track(frame.source, source);
    if (!track) return null;
    const read = (offset: number, size: number) =>
      readRange({ url: source.url, offset, size }, this.#dispatcher, this.#signal);

    let bytes = await read(frame.offset, Math.min(frame.size, FIRST_BYTES));
    let found = firstSample(bytes, track);
    if (found && "moof" in found) {
      if (found.moof > Math.min(frame.size, MOOF_MAX_BYTES)) return null;
      bytes = await read(frame.offset, found.moof);
      found = firstSample(bytes, track);
    }
    if (!found || "moof" in found || found.size > SAMPLE_MAX_BYTES) return null;
    const { offset, size } = found;
    const here = bytes.subarray(offset, offset + size);
    const rest = size - here.length;
    const sample = rest === 0 ? here : Buffer.concat([here, await read(frame.offset + offset + here.length, rest)]);
    return sample.length === size ? { source: frame.source, avcC: track.avcC, sample } : null;
  }

  #track(index: number, { url, init_bytes }: Sources[number]): Promise<VideoTrack | null> {
    const known = this.#tracks.get(index);
    if (known) return known;
    if (init_bytes > HEADER_MAX_BYTES) throw new TaskFailure("input", "the recording's header is too large");
    const range = { url, offset: 0, size: init_bytes };
    const track = readRange(range, this.#dispatcher, this.#signal).then(videoTrackOf);
    this.#tracks.set(index, track);
    return track;
  }
}

/** What `read` gives for each of `items`, in order, with so many under way ahead. */
export async function* readAhead<T, R>(
  items: readonly T[],
  ahead: number,
  read: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const pending: Promise<R>[] = [];
  let next = 0;
  while (next < items.length || pending.length > 0) {
    while (pending.length < ahead && next < items.length) {
      const promise = read(items[next++] as T);
      // Whoever takes it sees its failure; nobody may, when one before it failed.
      promise.catch(() => undefined);
      pending.push(promise);
    }
    yield await (pending.shift() as Promise<R>);
  }
}
