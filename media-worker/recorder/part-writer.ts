/**
 * Writes one part to disk behind the recorder's back: fragments are queued, and written one after another, each before
 * its line in the log. About once a second what was written is made safe against a loss of power; writing does not wait
 * for that. The part's folder is made with its first fragment.
 *
 * A disk that fails, or takes less than comes in, ends the part: what the log has stays, and is sealed.
 */
import { type FileHandle, mkdir, open } from "node:fs/promises";
import path from "node:path";
import { type PartEnd, SLICE_BYTES } from "#contract/recording";
import type { Clock } from "../live/clock.ts";
import { syncFolder, writeAll, writeJson } from "./disk.ts";
import type { CutFragment } from "./fragment-cutter.ts";
import { FILE, logLine, type PartFile, partName, sliceName, wholeSlices } from "./part-files.ts";

const SYNC_MS = 1_000;
/** What may wait for the disk. */
const QUEUE_MAX_BYTES = 16 * 1024 * 1024;

/** What of an open file is used; tests give one that is slow or fails. */
export type PartHandle = Pick<FileHandle, "write" | "datasync" | "close">;
export type OpenPartFile = (file: string) => Promise<PartHandle>;

export const openPartFile: OpenPartFile = (file) => open(file, "w", 0o600);

export type PartWriterOptions = {
  /** The folder of all recordings. */
  dir: string;
  part: PartFile;
  clock: Clock;
  open: OpenPartFile;
  poke(what: "opened" | "slice"): void;
  /** So many bytes more are on disk. */
  wrote(bytes: number): void;
  /** The disk failed: the part has ended as `disk`. `early`: before `end` was called. */
  failed(error: unknown, early: boolean): void;
  /** All is written that will be: the folder is to be sealed. */
  seal(folder: string, end: PartEnd): Promise<void>;
};

export class PartWriter {
  readonly #options: PartWriterOptions;
  readonly #folder: string;
  /** Everything before the first fragment; null once it is written. */
  #header: Buffer | null;
  readonly #queue: CutFragment[] = [];
  #queued = 0;
  #wake: (() => void) | null = null;
  #end: PartEnd | null = null;
  #done: Promise<void> | null = null;

  #log: PartHandle | null = null;
  #slice: PartHandle | null = null;
  /** Open while the one before it is filled up. */
  #next: PartHandle | null = null;
  #sliceNumber = 0;
  #size = 0;
  #logSize = 0;
  #syncedAt: number;
  #syncing: Promise<void> | null = null;
  /** The slice before, which is made safe while the next one is written. */
  #closing: Promise<void> | null = null;

  constructor(options: PartWriterOptions, header: Buffer) {
    this.#options = options;
    this.#header = header;
    this.#folder = path.join(options.dir, partName(options.part));
    this.#syncedAt = options.clock.elapsed();
  }

  /** After the end it is ignored. */
  append(fragment: CutFragment): void {
    if (this.#end) return;
    if (this.#queued + fragment.bytes > QUEUE_MAX_BYTES) {
      this.#fail(new Error(`more than ${QUEUE_MAX_BYTES} bytes wait for the disk`));
      return;
    }
    this.#queue.push(fragment);
    this.#queued += fragment.bytes;
    this.#done ??= this.#run();
    this.#wake?.();
  }

  /** Nothing more comes. Resolves when the part is sealed, or cannot be. */
  async end(end: PartEnd): Promise<void> {
    this.#end ??= end;
    this.#wake?.();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { dir, seal } = this.#options;
    try {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      await mkdir(this.#folder, { mode: 0o700 });
    } catch (error) {
      this.#fail(error);
      return;
    }
    try {
      await writeJson(this.#folder, FILE.part, this.#options.part);
      await syncFolder(dir);
      await this.#writeAll();
    } catch (error) {
      this.#fail(error);
    }
    await this.#close();
    await seal(this.#folder, this.#end ?? "disk");
  }

  /** From the header to the last fragment. */
  async #writeAll(): Promise<void> {
    this.#log = await this.#options.open(path.join(this.#folder, FILE.log));
    this.#slice = await this.#openSlice();
    if (this.#header) await this.#write(this.#header);
    this.#header = null;
    for (;;) {
      const fragment = this.#queue.shift();
      if (fragment) await this.#writeFragment(fragment);
      else if (this.#end) return;
      else await this.#woken();
    }
  }

  async #writeFragment(fragment: CutFragment): Promise<void> {
    const whole = wholeSlices(this.#size);
    await this.#write(fragment.data);
    const line = Buffer.from(logLine(fragment), "latin1");
    if (this.#log) await writeAll(this.#log, line, this.#logSize);
    if (this.#logSize === 0) this.#options.poke("opened");
    this.#logSize += line.length;
    this.#queued -= fragment.bytes;
    if (wholeSlices(this.#size) > whole) this.#options.poke("slice");
    this.#syncNowAndThen();
  }

  /** A slice is filled up only once the next one is there. */
  async #write(data: Buffer): Promise<void> {
    let rest = data;
    while (this.#slice && rest.length > 0) {
      const position = this.#size % SLICE_BYTES;
      const piece = rest.subarray(0, SLICE_BYTES - position);
      const full = position + piece.length === SLICE_BYTES;
      if (full) this.#next = await this.#openSlice();
      await writeAll(this.#slice, piece, position);
      this.#size += piece.length;
      rest = rest.subarray(piece.length);
      if (this.#next) await this.#turnTo(this.#next);
    }
    this.#options.wrote(data.length);
  }

  #openSlice(): Promise<PartHandle> {
    return this.#options.open(path.join(this.#folder, sliceName(++this.#sliceNumber)));
  }

  async #turnTo(next: PartHandle): Promise<void> {
    const before = this.#slice;
    this.#slice = next;
    this.#next = null;
    await this.#closing;
    this.#closing = this.#retire(before).catch((error: unknown) => this.#fail(error));
  }

  async #retire(slice: PartHandle | null): Promise<void> {
    await this.#syncing;
    try {
      await slice?.datasync();
    } finally {
      await slice?.close();
    }
  }

  #syncNowAndThen(): void {
    const now = this.#options.clock.elapsed();
    if (this.#syncing || now - this.#syncedAt < SYNC_MS) return;
    this.#syncedAt = now;
    this.#syncing = this.#sync()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#syncing = null;
      });
  }

  /** The log never ahead of what it tells of. */
  async #sync(): Promise<void> {
    await this.#slice?.datasync();
    await this.#log?.datasync();
  }

  #fail(error: unknown): void {
    const early = this.#end === null;
    this.#end = "disk";
    this.#queue.length = 0;
    this.#queued = 0;
    this.#wake?.();
    this.#options.failed(error, early);
  }

  /** Sealing makes safe what is on disk. */
  async #close(): Promise<void> {
    await this.#syncing;
    await this.#closing;
    for (const handle of [this.#slice, this.#next, this.#log]) await handle?.close().catch(() => undefined);
  }

  #woken(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    return promise;
  }
}
