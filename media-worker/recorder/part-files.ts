/**
 * A recorded part on disk: the files through which the recorder (live process) hands it to the uploader (supervisor).
 *
 *     <recordings>/<stream_id>-<session>-<epoch>-<n>/
 *       part.json        what it is; written and synced before anything else
 *       00001.slice …    its bytes, `SLICE_BYTES` each, the last one shorter
 *       fragments.log    one line per fragment, appended after its bytes were written
 *       sealed.json      it is complete, and slice 1 holds its durations and its index
 *       upload.json      the uploader's own
 *
 * The log is the truth about a part that still grows: bytes beyond it may be cut off again, so a slice is whole once
 * the log covers it, whatever the file's size. The slice after a whole one exists before the whole one is full; so a
 * slice that is missing below the last one was uploaded and removed.
 *
 * What a live process left unsealed, the next one seals when it starts.
 */
import { open, readFile } from "node:fs/promises";
import path from "node:path";
import * as z from "zod";
import { OpenPart, PartEnd, type Run, SLICE_BYTES } from "#contract/recording";

/** Of `part.json`. */
export const PartFile = OpenPart.extend({
  version: z.literal(1),
  /** Ticks per second in the log. */
  timescale: z.number().int().positive(),
  /** In ticks: when its first picture, or frame of audio alone, is presented. */
  presentation_start: z.number().int(),
});
export type PartFile = z.infer<typeof PartFile>;

export const SealedFile = z.object({ end: PartEnd });
export type SealedFile = z.infer<typeof SealedFile>;

export const FILE = {
  part: "part.json",
  log: "fragments.log",
  sealed: "sealed.json",
  upload: "upload.json",
} as const;

/**
 * The recorder's hint to the uploader: the part's folder is there, its log covers another slice, it is complete. A hint
 * may come late, twice or never.
 */
export const RecordingPoke = z.object({
  /** Name of the folder. */
  part: z.string().min(1).max(256),
  what: z.enum(["opened", "slice", "sealed"]),
});
export type RecordingPoke = z.infer<typeof RecordingPoke>;

/** Name of a part's folder. */
export const partName = ({ stream_id, session, epoch, n }: Pick<OpenPart, "stream_id" | "session" | "epoch" | "n">) =>
  `${stream_id}-${encodeURIComponent(session)}-${encodeURIComponent(epoch)}-${n}`;

/** `n` from 1. */
export const sliceName = (n: number) => `${String(n).padStart(5, "0")}.slice`;

/** Null when the file is no slice. */
export function sliceNumber(name: string): number | null {
  const match = /^(\d{5})\.slice$/.exec(name);
  return match ? Number(match[1]) : null;
}

/** How many slices so many bytes are; the last one may not be whole. */
export const sliceCount = (size: number) => Math.ceil(size / SLICE_BYTES);
/** How many of them are whole. */
export const wholeSlices = (size: number) => Math.floor(size / SLICE_BYTES);
/** Bytes of slice `n` of a part of so many bytes. */
export const sliceBytes = (n: number, size: number) => Math.max(0, Math.min(SLICE_BYTES, size - (n - 1) * SLICE_BYTES));

/** Null when there is none. Rejects when it cannot be read. */
export const readPart = (folder: string): Promise<PartFile | null> => readJson(path.join(folder, FILE.part), PartFile);

/** Null while the part is not sealed. */
export const readSealed = (folder: string): Promise<SealedFile | null> =>
  readJson(path.join(folder, FILE.sealed), SealedFile);

async function readJson<T>(file: string, schema: z.ZodType<T>): Promise<T | null> {
  try {
    return schema.parse(JSON.parse(await readFile(file, "utf8")));
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

export const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException)?.code === "ENOENT";

/** A fragment as the log has it. `key`: it begins with a keyframe, or is audio alone. */
export type LoggedFragment = { bytes: number; ticks: number; key: boolean };

export const logLine = ({ bytes, ticks, key }: LoggedFragment) => `${bytes} ${ticks} ${key ? 1 : 0}\n`;

const LINE = /^([1-9]\d{0,10}) (\d{1,12}) ([01])$/;

/**
 * The log from byte `from` on, and where to go on reading. Ends at the first line that is not whole: the writer is at
 * it, or a crash was. A log that is not there is empty.
 */
export async function readLog(folder: string, from = 0): Promise<{ fragments: LoggedFragment[]; next: number }> {
  const text = await readFrom(path.join(folder, FILE.log), from);
  const fragments: LoggedFragment[] = [];
  let at = 0;
  for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", at)) {
    const match = LINE.exec(text.slice(at, end));
    if (!match) break;
    fragments.push({ bytes: Number(match[1]), ticks: Number(match[2]), key: match[3] === "1" });
    at = end + 1;
  }
  return { fragments, next: from + at };
}

async function readFrom(file: string, from: number): Promise<string> {
  try {
    await using handle = await open(file, "r");
    const { size } = await handle.stat();
    const bytes = Buffer.alloc(Math.max(0, size - from));
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, from);
    return bytes.toString("latin1", 0, bytesRead);
  } catch (error) {
    if (isMissing(error)) return "";
    throw error;
  }
}

/** A stretch of fragments that can be decoded by itself; all but the last last this long. */
const RUN_SECONDS = 4;
/** An index can count no larger one: pictures without a keyframe for so long are cut anywhere. */
const RUN_MAX_BYTES = 1024 ** 3;

/** `key` is false only where there was no keyframe for `RUN_MAX_BYTES`. */
export type TickRun = { bytes: number; ticks: number; key: boolean };

/** A part as its log grows: its size, its duration and its runs. */
export class PartTally {
  readonly #timescale: number;
  readonly #runs: TickRun[] = [];
  #size: number;
  #ticks = 0;

  constructor({ header_bytes, timescale }: Pick<PartFile, "header_bytes" | "timescale">) {
    this.#size = header_bytes;
    this.#timescale = timescale;
  }

  add({ bytes, ticks, key }: LoggedFragment): void {
    this.#size += bytes;
    this.#ticks += ticks;
    const last = this.#runs.at(-1);
    if (!last || (key && this.#isLong(last)) || last.bytes + bytes > RUN_MAX_BYTES) {
      this.#runs.push({ bytes, ticks, key });
      return;
    }
    last.bytes += bytes;
    last.ticks += ticks;
  }

  /** Bytes from the part's begin to the end of its last logged fragment. */
  get size(): number {
    return this.#size;
  }
  get ticks(): number {
    return this.#ticks;
  }
  get durationMs(): number {
    return this.#ms(this.#ticks);
  }

  /** All runs, if the part ends here: a short one at the end is joined to the one before. */
  tickRuns(): TickRun[] {
    const last = this.#runs.at(-1);
    const before = this.#runs.at(-2);
    if (!last || !before || this.#isLong(last) || before.bytes + last.bytes > RUN_MAX_BYTES) return [...this.#runs];
    const joined = { bytes: before.bytes + last.bytes, ticks: before.ticks + last.ticks, key: before.key };
    return [...this.#runs.slice(0, -2), joined];
  }

  /** As `tickRuns`, in the contract's form. */
  runs(): Run[] {
    return this.#contract(this.tickRuns());
  }

  /** Those that stay as they are, however the part goes on. */
  settledRuns(): Run[] {
    const last = this.#runs.at(-1);
    return this.#contract(this.#runs.slice(0, last && this.#isLong(last) ? -1 : -2));
  }

  #isLong(run: TickRun): boolean {
    return run.ticks >= RUN_SECONDS * this.#timescale;
  }

  #ms(ticks: number): number {
    return Math.round((ticks * 1000) / this.#timescale);
  }

  /** Rounded by where runs begin and end, so that their sum does not drift. */
  #contract(runs: readonly TickRun[]): Run[] {
    let at = 0;
    return runs.map(({ bytes, ticks }) => {
      const begin = this.#ms(at);
      at += ticks;
      return [bytes, this.#ms(at) - begin];
    });
  }
}
