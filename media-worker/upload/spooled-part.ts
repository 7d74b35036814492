/** A part in the spool, as far as its recorder has come: what of it may be uploaded. */
import { rm, stat } from "node:fs/promises";
import path from "node:path";
import type { PartEnd, Run } from "#contract/recording";
import { sync, syncFolder } from "../recorder/disk.ts";
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

export class SpooledPart {
  readonly name: string;
  readonly part: PartFile;
  readonly #folder: string;
  #tally: PartTally;
  #logRead = 0;
  #end: PartEnd | null = null;

  constructor(folder: string, part: PartFile) {
    this.name = path.basename(folder);
    this.part = part;
    this.#folder = folder;
    this.#tally = new PartTally(part);
  }

  /** Why it ended; null while it grows, or nobody has sealed it yet. */
  get end(): PartEnd | null {
    return this.#end;
  }
  /** Bytes, whole fragments only. */
  get size(): number {
    return this.#tally.size;
  }
  get durationMs(): number {
    return this.#tally.durationMs;
  }
  /** Those that stay as they are. */
  get runs(): Run[] {
    return this.#end === null ? this.#tally.settledRuns() : this.#tally.runs();
  }
  /** How many slices stay as they are, but for the header in the first. */
  get slices(): number {
    return this.#end === null ? wholeSlices(this.size) : sliceCount(this.size);
  }

  /** Reads what is new. False when the part is gone. */
  async look(): Promise<boolean> {
    if (this.#end === null) {
      // Before the log: what is read after it is all of it.
      const sealed = await readSealed(this.#folder);
      // All of it again: sealing may have cut back what was read before.
      const tally = sealed ? new PartTally(this.part) : this.#tally;
      const { fragments, next } = await readLog(this.#folder, sealed ? 0 : this.#logRead);
      for (const fragment of fragments) tally.add(fragment);
      this.#tally = tally;
      this.#logRead = next;
      this.#end = sealed?.end ?? null;
    }
    return isThere(this.#folder);
  }

  sliceSize(n: number): number {
    return sliceBytes(n, this.size);
  }

  sliceFile(n: number): string {
    return path.join(this.#folder, sliceName(n));
  }

  /** The first stays: its header is written anew at the end. */
  async removeSlice(n: number): Promise<void> {
    if (n > 1) await rm(this.sliceFile(n), { force: true });
  }

  /** Slices that are whole, from the last back to one that is gone already. */
  async removeWholeSlices(): Promise<void> {
    for (let n = wholeSlices(this.size); n > 1 && (await isThere(this.sliceFile(n))); n--) await this.removeSlice(n);
  }

  /**
   * Before slice `n` is removed: the part is not cut back into it any more, whatever a loss of power takes. The fragment
   * at its end may reach into the next one, of which the log must not tell more than is safe.
   */
  async secure(n: number): Promise<void> {
    // Sealing made all of it safe.
    if (this.#end !== null) return;
    if (await isThere(this.sliceFile(n + 1))) await sync(this.sliceFile(n + 1));
    await sync(path.join(this.#folder, FILE.log));
    await syncFolder(this.#folder);
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
