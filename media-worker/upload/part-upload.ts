/**
 * Hands in one part, from its first fragment until the control plane has all of it:
 *
 *     open → (slice → progress)* while it grows → the slices that are left → slice 1 with its index → complete
 *
 * Each step looks at the disk and at the journal and may be repeated, so that it does not matter where it ended last
 * time. Whatever fails is tried again, for ever; only the control plane's word gives a part up, or that it is not whole
 * any more.
 */
import type { Dispatcher } from "undici";
import { type PartEnd, SIGN_BATCH, type Slice } from "#contract/recording";
import { BackOff } from "#kit/back-off";
import type { Log } from "../log.ts";
import type { PartFile } from "../recorder/part-files.ts";
import { Addresses } from "./addresses.ts";
import { UploadJournal } from "./journal.ts";
import type { Patience } from "./patience.ts";
import { PutFailed, putSlice, SliceDamaged } from "./put-slice.ts";
import { Discarded, NotTaken, type RecordingsClient } from "./recordings-client.ts";
import { Rest } from "./rest.ts";
import { Slots } from "./slots.ts";
import { SpooledPart } from "./spooled-part.ts";
import type { UploadTiming } from "./timing.ts";

/** Slices in one report. */
const REPORT_MAX = 1_000;
const SLICES_MAX = 10_000;
/** Slices under way at once, where nobody else needs the slots: after an outage, one connection may be slower than the line. */
const PUTS = 3;
/** So often in a row, and each time opened anew, S3 says that there is no such upload: it is gone, with its slices. */
const UPLOAD_LOST = 10;

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
  readonly #part: SpooledPart;
  readonly #journal: UploadJournal;
  readonly #rest: Rest;
  readonly #backOff: BackOff;
  readonly #addresses: Addresses;
  #loaded = false;
  /** It was opened since the process began, or since S3 did not know its upload. */
  #opened = false;
  /** Since S3 last took a slice: the addresses were signed anew, and how often it did not know the upload. */
  #signedAnew = false;
  #unknown = 0;
  #failing = false;
  /** Since when it is said to be another worker's. */
  #disownedAt: number | null = null;
  /** What was uploaded is journalled and removed one after the other. */
  readonly #turns = new Slots(1);
  /** Of the newest report: size, and when. */
  #reported = { size: 0, at: Number.NEGATIVE_INFINITY };

  constructor(options: PartUploadOptions) {
    const { folder, part, client, timing, signal, log } = options;
    this.#options = options;
    this.#log = log;
    this.#part = new SpooledPart(folder, part);
    this.#journal = new UploadJournal(folder);
    this.#rest = new Rest(signal);
    this.#backOff = new BackOff(timing.retry.first, timing.retry.most);
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
        const outcome = await this.#step();
        if (this.#failing) this.#log.info({ part: this.#part.name }, "the upload of a recording goes on");
        this.#failing = false;
        this.#backOff.reset();
        if (outcome === "nothing to do") await this.#rest.untilPoked(timing.progress);
        else if (outcome) return outcome;
      } catch (error) {
        if (signal.aborted) return "stopped";
        if (this.#isHopeless(error)) {
          this.#log.error({ part: this.#part.name, err: error }, "a recording cannot be handed in");
          return "damaged";
        }
        await this.#recover(error);
      }
      if (signal.aborted) return "stopped";
    }
  }

  /** The next thing that is to be done; undefined: look again. */
  async #step(): Promise<PartOutcome | "nothing to do" | undefined> {
    if (!this.#loaded) await this.#load();
    if (!(await this.#part.look())) return "missing";
    const { end, size } = this.#part;
    if (this.#journal.discarded !== null) {
      // Its recorder does not know, and must find its folder.
      if (end !== null) return "handed_in";
      await this.#part.removeWholeSlices();
      return "nothing to do";
    }
    if (!this.#opened) await this.#open();
    const next = this.#nextSlices();
    if (next.length === 0 && end !== null) return this.#complete(end);
    const late = performance.now() - this.#reported.at >= this.#options.timing.progress;
    const unheard = this.#journal.slices.length > this.#journal.reported.slices;
    if (unheard || (late && size > this.#reported.size)) await this.#report();
    if (next.length === 0) return "nothing to do";
    await this.#uploadAll(next);
    return undefined;
  }

  async #load(): Promise<void> {
    await this.#journal.load();
    this.#loaded = true;
    // A crash may have come between the journal and this.
    const last = this.#journal.slices.at(-1);
    if (last) await this.#part.removeSlice(last.n);
  }

  async #open(): Promise<void> {
    const { part, client, signal } = this.#options;
    const { part_id, vod } = await client.open(part, signal);
    await this.#journal.opened(part_id);
    this.#opened = true;
    this.#disownedAt = null;
    this.#log.info({ part: this.#part.name, vod }, "a recording is being handed in");
  }

  /** The lowest that are whole and not uploaded. Slice 1 is the last, alone, once it holds the index. */
  #nextSlices(): number[] {
    const { slices, indexed } = this.#journal;
    const sealed = this.#part.end !== null;
    const done = new Set(slices.map(({ n }) => n));
    const most = Math.max(1, Math.min(PUTS, this.#options.slots.free));
    const next: number[] = [];
    for (let n = sealed ? 2 : 1; n <= this.#part.slices && next.length < most; n++) if (!done.has(n)) next.push(n);
    return next.length === 0 && sealed && !indexed ? [1] : next;
  }

  /** What S3 took is journalled, also when it did not take all. */
  async #uploadAll(slices: readonly number[]): Promise<void> {
    // Asked for before it is our turn, so that no slot waits for the control plane; again only if that took an hour.
    for (const n of slices) await this.#addressOf(n);
    const outcomes = await Promise.allSettled(slices.map((n) => this.#upload(n)));
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }

  async #upload(n: number): Promise<void> {
    const { slots, patience, dispatcher, signal } = this.#options;
    const file = this.#part.sliceFile(n);
    const size = this.#part.sliceSize(n);
    const indexed = n === 1 && this.#part.end !== null;
    const etag = await slots.run(signal, async () =>
      putSlice({ file, size, url: await this.#addressOf(n), dispatcher, patience, signal }),
    );
    this.#signedAnew = false;
    this.#unknown = 0;
    this.#addresses.used(n);
    await this.#turns.run(signal, () => this.#keep({ n, size, etag }, indexed));
  }

  async #keep(slice: Slice, indexed: boolean): Promise<void> {
    const { n } = slice;
    await this.#part.secure(n);
    try {
      await this.#journal.uploaded(slice, indexed);
    } catch (error) {
      if (!isFull(error) || n === 1) throw error;
      // What was uploaded is the only room there is: without it nothing would ever be journalled again.
      await this.#part.removeSlice(n);
      await this.#journal.save();
    }
    await this.#part.removeSlice(n);
  }

  #addressOf(n: number): Promise<string> {
    // As many as will be of use.
    const left = this.#part.end === null ? SIGN_BATCH : n === 1 ? 1 : this.#part.slices - n + 1;
    return this.#addresses.of(n, Math.min(SIGN_BATCH, left, SLICES_MAX - n + 1));
  }

  async #report(): Promise<void> {
    const { client, signal } = this.#options;
    const { slices, reported } = this.#journal;
    const { size, runs, durationMs: duration_ms } = this.#part;
    const fresh = slices.slice(reported.slices, reported.slices + REPORT_MAX);
    const first_run = reported.runs;
    const progress = {
      part_id: this.#partId,
      slices: fresh,
      first_run,
      runs: runs.slice(first_run),
      size,
      duration_ms,
    };
    await client.progress(progress, signal);
    this.#journal.heard({ slices: reported.slices + fresh.length, runs: Math.max(runs.length, first_run) });
    this.#reported = { size, at: performance.now() };
  }

  async #complete(end: PartEnd): Promise<PartOutcome> {
    const { client, signal } = this.#options;
    const { name, size, runs, durationMs: duration_ms } = this.#part;
    const slices = this.#journal.slices.toSorted((a, b) => a.n - b.n);
    const { state } = await client.complete({ part_id: this.#partId, slices, runs, size, duration_ms, end }, signal);
    if (state === "done") this.#log.info({ part: name, end, bytes: size }, "a recording is handed in");
    else this.#log.warn({ part: name }, "a recording was completed without its end: this worker was away for too long");
    return "handed_in";
  }

  /** What is left of it, on disk or on S3, is no whole, or the control plane will not take it from us any more. */
  #isHopeless(error: unknown): boolean {
    if (error instanceof PutFailed && error.code === "NoSuchUpload") this.#unknown += 1;
    const disowned = this.#disownedAt !== null && performance.now() - this.#disownedAt >= this.#options.timing.disowned;
    // Its recorder must find its folder.
    return error instanceof SliceDamaged || this.#unknown >= UPLOAD_LOST || (disowned && this.#part.end !== null);
  }

  /** Makes the best of what went wrong, and waits. */
  async #recover(error: unknown): Promise<void> {
    if (error instanceof Discarded) {
      this.#log.warn({ part: this.#part.name, reason: error.message }, "a recording is not wanted: it is thrown away");
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
    if (error instanceof NotTaken && (error.status === 404 || error.status === 409)) {
      if (!this.#opened && error.status === 404 && this.#journal.partId !== null) this.#disown();
      this.#opened = false;
    }
    this.#tell(error);
    await this.#rest.untilHurried(this.#backOff.next());
  }

  /** Opening it, as was done from here before, finds it to be another worker's. */
  #disown(): void {
    if (this.#disownedAt === null) {
      const message = "the control plane has this recording for another media worker's: was this one enrolled anew?";
      this.#log.warn({ part: this.#part.name }, message);
    }
    this.#disownedAt ??= performance.now();
  }

  #tell(error: unknown): void {
    const level = this.#failing ? "debug" : "warn";
    this.#log[level]({ part: this.#part.name, err: error }, "the upload of a recording waits");
    this.#failing = true;
  }

  get #partId(): string {
    const id = this.#journal.partId;
    if (id === null) throw new Error("the part was not opened");
    return id;
  }
}

const isFull = (error: unknown): boolean => ["ENOSPC", "EDQUOT"].includes((error as NodeJS.ErrnoException)?.code ?? "");
