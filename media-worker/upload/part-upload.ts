/**
 * Hands in one part, from its first fragment until the control plane has all of it:
 *
 *     open → (slice → progress)* while it grows → the slices that are left → slice 1 with its index → complete
 *
 * Each step looks at the disk and at the journal and may be repeated, so that it does not matter where it ended last
 * time. Whatever fails is tried again, for ever; only the control plane's word gives a part up.
 */
import { open, rm, stat } from "node:fs/promises";
import path from "node:path";
import type { Dispatcher } from "undici";
import { type PartEnd, SIGN_BATCH } from "#contract/recording";
import { BackOff } from "#kit/back-off";
import type { Log } from "../log.ts";
import {
  FILE,
  isMissing,
  type PartFile,
  PartTally,
  readLog,
  readSealed,
  sliceBytes,
  sliceCount,
  sliceName,
  wholeSlices,
} from "../recorder/part-files.ts";
import { Addresses } from "./addresses.ts";
import { UploadJournal } from "./journal.ts";
import type { Patience } from "./patience.ts";
import { PutFailed, putSlice, SliceDamaged } from "./put-slice.ts";
import { Discarded, NotTaken, type RecordingsClient } from "./recordings-client.ts";
import { Rest } from "./rest.ts";
import type { Slots } from "./slots.ts";
import type { UploadTiming } from "./timing.ts";

/** Slices in one report. */
const REPORT_MAX = 1_000;
/** So often in a row, and each time opened anew, S3 says that there is no such upload: it is gone, with its slices. */
const UPLOAD_LOST = 6;

/** `handed_in`: nothing of it is needed any more. `damaged`: it cannot be handed in. `missing`: somebody removed it. */
export type PartOutcome = "handed_in" | "damaged" | "missing" | "stopped";

export type PartUploadOptions = {
  folder: string;
  part: PartFile;
  client: RecordingsClient;
  /** Shared by all parts. */
  slots: Slots;
  patience: Patience;
  dispatcher: Dispatcher;
  timing: UploadTiming;
  signal: AbortSignal;
  log: Log;
};

export class PartUpload {
  readonly #options: PartUploadOptions;
  readonly #log: Log;
  readonly #name: string;
  readonly #rest: Rest;
  readonly #backOff: BackOff;
  readonly #addresses: Addresses;
  readonly #journal: UploadJournal;
  #tally: PartTally;
  #logRead = 0;
  #end: PartEnd | null = null;
  /** It was opened since the process began, or since S3 did not know its upload. */
  #opened = false;
  /** Since S3 last took a slice: the addresses were signed anew, and how often it did not know the upload. */
  #signedAnew = false;
  #unknown = 0;
  #failing = false;
  /** Of the newest report: size, and when. */
  #reported = { size: 0, at: Number.NEGATIVE_INFINITY };

  constructor(options: PartUploadOptions) {
    const { folder, part, client, timing, signal, log } = options;
    this.#options = options;
    this.#log = log;
    this.#journal = new UploadJournal(folder);
    this.#name = path.basename(folder);
    this.#rest = new Rest(signal);
    this.#backOff = new BackOff(timing.retry.first, timing.retry.most);
    this.#tally = new PartTally(part);
    this.#addresses = new Addresses(
      (from, count) => client.sign({ part_id: this.#partId, from, count }, signal),
      () => Date.now(),
    );
  }

  /** Neither at work nor about to be: it waits for the part to grow, or for somebody to come back. */
  get isResting(): boolean {
    return this.#rest.isResting;
  }

  /** There may be more of the part. */
  poke(): void {
    this.#rest.poke();
  }

  /** What failed may work now. */
  hurry(): void {
    this.#rest.hurry();
  }

  async run(): Promise<PartOutcome> {
    const { signal, timing } = this.#options;
    for (;;) {
      try {
        await this.#journal.load();
        const outcome = await this.#step();
        if (this.#failing) this.#log.info({ part: this.#name }, "the upload of a recording goes on");
        this.#failing = false;
        this.#backOff.reset();
        if (outcome === "nothing to do") await this.#rest.untilPoked(timing.progress);
        else if (outcome) return outcome;
      } catch (error) {
        if (signal.aborted) return "stopped";
        if (this.#isHopeless(error)) {
          this.#log.error(
            { part: this.#name, err: error },
            "a recording cannot be handed in: what is left is moved aside",
          );
          return "damaged";
        }
        await this.#recover(error);
      }
      if (signal.aborted) return "stopped";
    }
  }

  /** The next thing that is to be done; undefined: look again. */
  async #step(): Promise<PartOutcome | "nothing to do" | undefined> {
    if (!(await this.#look())) return "missing";
    if (this.#journal.discarded !== null) return this.#throwAway();
    if (!this.#opened) await this.#open();
    if (this.#journal.slices.length > this.#journal.reported.slices) await this.#report();
    const n = this.#nextSlice();
    if (n !== null) {
      await this.#upload(n);
      return undefined;
    }
    if (this.#end !== null) return this.#complete(this.#end);
    const { size, at } = this.#reported;
    if (this.#tally.size > size && performance.now() - at >= this.#options.timing.progress) await this.#report();
    return "nothing to do";
  }

  /** Reads what is new on disk. False when the part is gone. */
  async #look(): Promise<boolean> {
    const { folder, part } = this.#options;
    if (this.#end === null) {
      // Before the log: what is read after it is all of it.
      const sealed = await readSealed(folder);
      if (sealed) {
        // A crash may have cut back what was read before.
        this.#end = sealed.end;
        this.#tally = new PartTally(part);
        this.#logRead = 0;
      }
      const { fragments, next } = await readLog(folder, this.#logRead);
      for (const fragment of fragments) this.#tally.add(fragment);
      this.#logRead = next;
    }
    return isThere(folder);
  }

  async #open(): Promise<void> {
    const { part, client, signal } = this.#options;
    const { part_id, vod } = await client.open(part, signal);
    await this.#journal.opened(part_id);
    this.#opened = true;
    this.#log.info({ part: this.#name, vod }, "recording");
  }

  /** The lowest that is whole and not uploaded. Slice 1 is the last once it holds the index. */
  #nextSlice(): number | null {
    const { slices, indexed } = this.#journal;
    const sealed = this.#end !== null;
    const count = sealed ? sliceCount(this.#tally.size) : wholeSlices(this.#tally.size);
    const done = new Set(slices.map(({ n }) => n));
    for (let n = sealed ? 2 : 1; n <= count; n++) if (!done.has(n)) return n;
    return sealed && !indexed ? 1 : null;
  }

  async #upload(n: number): Promise<void> {
    const { folder, slots, patience, dispatcher, signal } = this.#options;
    const size = sliceBytes(n, this.#tally.size);
    const indexed = n === 1 && this.#end !== null;
    const file = path.join(folder, sliceName(n));
    const address = () => this.#addresses.of(n, this.#toSign(n));
    // Asked for before it is our turn, so that no slot waits for the control plane; again only if that took an hour.
    await address();
    const etag = await slots.run(signal, async () =>
      putSlice({ file, size, url: await address(), dispatcher, patience, signal }),
    );
    this.#signedAnew = false;
    this.#unknown = 0;
    // A log that is shorter than what was removed would make the whole part worthless.
    await syncFile(path.join(folder, FILE.log));
    await this.#journal.uploaded({ n, size, etag }, indexed);
    this.#addresses.used(n);
    if (n > 1) await rm(file, { force: true });
  }

  /** How many addresses will be of use, from slice `n` on. */
  #toSign(n: number): number {
    const left = this.#end === null ? SIGN_BATCH : n === 1 ? 1 : sliceCount(this.#tally.size) - n + 1;
    return Math.min(SIGN_BATCH, left, 10_000 - n + 1);
  }

  async #report(): Promise<void> {
    const { client, signal } = this.#options;
    const { slices, reported } = this.#journal;
    const size = this.#tally.size;
    const settled = this.#end === null ? this.#tally.settledRuns() : this.#tally.runs();
    const fresh = slices.slice(reported.slices, reported.slices + REPORT_MAX);
    await client.progress(
      {
        part_id: this.#partId,
        slices: fresh,
        first_run: reported.runs,
        runs: settled.slice(reported.runs),
        size,
        duration_ms: this.#tally.durationMs,
      },
      signal,
    );
    const runs = Math.max(settled.length, reported.runs);
    this.#journal.heard({ slices: reported.slices + fresh.length, runs });
    this.#reported = { size, at: performance.now() };
  }

  async #complete(end: PartEnd): Promise<PartOutcome> {
    const { client, signal } = this.#options;
    const { state } = await client.complete(
      {
        part_id: this.#partId,
        slices: this.#journal.slices.toSorted((a, b) => a.n - b.n),
        runs: this.#tally.runs(),
        size: this.#tally.size,
        duration_ms: this.#tally.durationMs,
        end,
      },
      signal,
    );
    if (state === "done")
      this.#log.info({ part: this.#name, end, bytes: this.#tally.size }, "a recording is handed in");
    else
      this.#log.warn({ part: this.#name }, "a recording was completed without its end: this worker was away too long");
    return "handed_in";
  }

  /** Nobody wants it. Its recorder, which does not know, must find its folder; but what it fills is removed. */
  async #throwAway(): Promise<PartOutcome | "nothing to do"> {
    if (this.#end !== null) return "handed_in";
    for (let n = wholeSlices(this.#tally.size); n > 1; n--) {
      const file = path.join(this.#options.folder, sliceName(n));
      if (!(await isThere(file))) break;
      await rm(file);
    }
    return "nothing to do";
  }

  /** What is left of it, on disk or on S3, is no whole. */
  #isHopeless(error: unknown): boolean {
    if (error instanceof PutFailed && error.code === "NoSuchUpload") this.#unknown += 1;
    return error instanceof SliceDamaged || this.#unknown >= UPLOAD_LOST;
  }

  /** Makes the best of what went wrong, and waits. */
  async #recover(error: unknown): Promise<void> {
    if (error instanceof Discarded) {
      this.#log.warn({ part: this.#name, reason: error.message }, "a recording is not wanted: it is thrown away");
      await this.#journal.discard(error.message).catch((err: unknown) => this.#tell(err));
      return;
    }
    if (error instanceof PutFailed && error.status !== null) {
      this.#addresses.forget();
      if (error.status === 404) this.#opened = false;
      if (error.status === 403 && !this.#signedAnew) {
        this.#signedAnew = true;
        return;
      }
    }
    // The part may not be what we take it for: opening it says so.
    if (error instanceof NotTaken && (error.status === 404 || error.status === 409)) this.#opened = false;
    this.#tell(error);
    await this.#rest.untilHurried(this.#backOff.next());
  }

  #tell(error: unknown): void {
    this.#log[this.#failing ? "debug" : "warn"]({ part: this.#name, err: error }, "the upload of a recording waits");
    this.#failing = true;
  }

  get #partId(): string {
    const id = this.#journal.partId;
    if (id === null) throw new Error("the part was not opened");
    return id;
  }
}

async function isThere(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

async function syncFile(file: string): Promise<void> {
  await using handle = await open(file, "r");
  await handle.datasync();
}
