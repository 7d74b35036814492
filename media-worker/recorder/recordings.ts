/**
 * All recordings of one live process: where they are, how much room they have, and what of them is not sealed yet.
 * Room is counted over everything that lies there, also what waits to be uploaded since long ago.
 */
import { mkdir, readdir, stat } from "node:fs/promises";
import path from "node:path";
import { PART_MAX_BYTES, PART_MAX_MS, type PartEnd } from "#contract/recording";
import type { Clock } from "../live/clock.ts";
import type { Log } from "../log.ts";
import type { CutFragment } from "./fragment-cutter.ts";
import { isMissing, type PartFile, partName, type RecordingPoke } from "./part-files.ts";
import { type OpenPartFile, openPartFile, PartWriter, type PartWriterOptions } from "./part-writer.ts";
import { leftBehind, sealPart } from "./seal.ts";

/** The uploader removes files behind our back. */
const SCAN_MS = 5_000;
/** Once full, this much of the room must be in use no more before anything is recorded again. */
const FULL_UNTIL = 0.9;
/** How long a disk that failed is left alone. */
export const DISK_RETRY_MS = 30_000;

export type RecordingsOptions = {
  /** Made when it is not there. */
  dir: string;
  maxBytes: number;
  poke(poke: RecordingPoke): void;
  log: Log;
  clock: Clock;
  open?: OpenPartFile;
  /** When a part ends; as the contract has it by default. */
  limits?: PartLimits;
};

export type PartLimits = { bytes: number; ms: number };

/** What a recorder does with a part. */
export type OpenedPart = {
  append(fragment: CutFragment): void;
  end(end: PartEnd): void;
};

export class Recordings {
  readonly #options: RecordingsOptions;
  /** On disk at the last scan, and written since it began: what was written meanwhile may count twice until the next. */
  #scanned = 0;
  #written = 0;
  #scannedAt = Number.NEGATIVE_INFINITY;
  #scanning = false;
  #full = false;
  readonly #sealing = new Set<Promise<void>>();
  /** Parts that the disk did not let us seal. */
  readonly #unsealed = new Map<string, PartEnd>();

  constructor(options: RecordingsOptions) {
    this.#options = options;
  }

  get limits(): PartLimits {
    return this.#options.limits ?? { bytes: PART_MAX_BYTES, ms: PART_MAX_MS };
  }

  /** Before anything is recorded: counts what another process left. Completing it holds nobody up. */
  async start(): Promise<void> {
    const { dir, log } = this.#options;
    try {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      this.#settle(this.#recover(await leftBehind(dir)));
      await this.#scan();
    } catch (error) {
      // Publishers are taken all the same.
      log.error({ err: error }, "recordings cannot be kept");
    }
  }

  /** There is no room. Asking is what makes it look for room again. */
  get full(): boolean {
    const { clock, maxBytes } = this.#options;
    // Nobody else puts anything there, so there is no more than we know of.
    const matters = this.#used >= maxBytes / 2;
    if (matters && clock.elapsed() - this.#scannedAt >= SCAN_MS) void this.#scan();
    return this.#full;
  }

  /** `failed`: the disk failed before the part's end; it has ended. */
  open(part: PartFile, header: Buffer, failed: () => void): OpenedPart {
    const { dir, clock, log, poke, open = openPartFile } = this.#options;
    const name = partName(part);
    const options: PartWriterOptions = {
      dir,
      part,
      clock,
      open,
      poke: (what) => poke({ part: name, what }),
      wrote: (bytes) => this.#wrote(bytes),
      failed: (error, early) => {
        log.error({ err: error, part: name }, "the disk does not take the recording");
        if (!early) return;
        this.#settle(writer.end("disk"));
        failed();
      },
      seal: (folder, end) => this.#seal(folder, end),
    };
    const writer = new PartWriter(options, header);
    return {
      append: (fragment) => writer.append(fragment),
      end: (end) => this.#settle(writer.end(end)),
    };
  }

  /** Resolves when all that has ended is sealed, or after `ms`. */
  async settled(ms: number): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(ms, resolve);
    await Promise.race([Promise.all(this.#sealing), late]);
    cancel();
  }

  #settle(ended: Promise<void>): void {
    const sealing = ended.finally(() => this.#sealing.delete(sealing));
    this.#sealing.add(sealing);
  }

  async #recover(folders: readonly string[]): Promise<void> {
    for (const folder of folders) await this.#seal(folder, "crashed");
  }

  async #seal(folder: string, end: PartEnd): Promise<void> {
    const { log, poke } = this.#options;
    const part = path.basename(folder);
    try {
      if ((await sealPart(folder, end)) === "sealed") poke({ part, what: "sealed" });
    } catch (error) {
      log.error({ err: error, part }, "the recording cannot be completed");
      // What is damaged stays so; a disk may come to itself.
      if (isOfTheSystem(error)) this.#sealLater(folder, end);
    }
  }

  #sealLater(folder: string, end: PartEnd): void {
    if (this.#unsealed.size === 0) this.#options.clock.after(DISK_RETRY_MS, () => this.#sealAgain());
    this.#unsealed.set(folder, end);
  }

  #sealAgain(): void {
    const unsealed = [...this.#unsealed];
    this.#unsealed.clear();
    for (const [folder, end] of unsealed) this.#settle(this.#seal(folder, end));
  }

  get #used(): number {
    return this.#scanned + this.#written;
  }

  #wrote(bytes: number): void {
    this.#written += bytes;
    this.#judge();
  }

  #judge(): void {
    this.#full = this.#used >= (this.#full ? FULL_UNTIL : 1) * this.#options.maxBytes;
  }

  async #scan(): Promise<void> {
    if (this.#scanning) return;
    this.#scanning = true;
    this.#scannedAt = this.#options.clock.elapsed();
    this.#scanned += this.#written;
    this.#written = 0;
    try {
      this.#scanned = await bytesIn(this.#options.dir);
      this.#judge();
    } catch (error) {
      this.#options.log.error({ err: error }, "the recordings cannot be counted");
    } finally {
      this.#scanning = false;
    }
  }
}

const isOfTheSystem = (error: unknown) => (error as NodeJS.ErrnoException)?.code !== undefined;

/** Of all files below `dir`. */
async function bytesIn(dir: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    try {
      bytes += (await stat(path.join(entry.parentPath, entry.name))).size;
    } catch (error) {
      // Uploaded and removed meanwhile.
      if (!isMissing(error)) throw error;
    }
  }
  return bytes;
}
