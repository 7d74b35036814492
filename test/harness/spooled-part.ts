/** A part in the spool as the recorder would write it, with bytes that mean nothing and grow as told. */
import { createHash, randomBytes } from "node:crypto";
import {
  appendFileSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import { type PartEnd, type Run, SLICE_BYTES } from "#contract/recording";
import { FILE, logLine, type PartFile, partName, sliceName } from "../../media-worker/recorder/part-files.ts";
import { runsOf } from "./runs.ts";

const TIMESCALE = 1000;
const INIT_BYTES = 800;
const HEADER_BYTES = 2_000;

export class SpooledPart {
  readonly folder: string;
  readonly name: string;
  readonly part: PartFile;
  readonly #fragments: { bytes: number; ticks: number; key: boolean }[] = [];
  #size = 0;

  /** `recordings`: the folder of all parts. */
  constructor(recordings: string, about: Partial<Pick<PartFile, "stream_id" | "session" | "epoch" | "n">> = {}) {
    this.part = {
      version: 1,
      stream_id: 7,
      session: "s1",
      epoch: "e1",
      n: 0,
      ...about,
      started_at: Date.now(),
      tracks: [{ kind: "video", codec: "avc1.64001f", width: 1280, height: 720 }],
      init_bytes: INIT_BYTES,
      header_bytes: HEADER_BYTES,
      timescale: TIMESCALE,
      presentation_start: 0,
    };
    this.name = partName(this.part);
    this.folder = path.join(recordings, this.name);
    mkdirSync(this.folder, { recursive: true });
    writeFileSync(path.join(this.folder, FILE.part), JSON.stringify(this.part));
    this.#write(randomBytes(HEADER_BYTES));
  }

  get size(): number {
    return this.#size;
  }

  get runs(): Run[] {
    return runsOf(this.part, this.#fragments);
  }

  /** Fragments of a second each. */
  grow(bytes: number, seconds = 1): this {
    for (let i = 0; i < seconds; i++) this.log(this.begin(Math.ceil(bytes / seconds)));
    return this;
  }

  /** Bytes of a fragment, which the recorder has on disk before it logs them. */
  begin(bytes: number): number {
    this.#write(randomBytes(bytes));
    return bytes;
  }

  /** The fragment is whole. */
  log(bytes: number): void {
    const fragment = { bytes, ticks: TIMESCALE, key: true };
    this.#fragments.push(fragment);
    appendFileSync(path.join(this.folder, FILE.log), logLine(fragment));
  }

  /** Its header is written anew, and it is complete. */
  seal(end: PartEnd = "finished"): this {
    const slice = openSync(path.join(this.folder, sliceName(1)), "r+");
    writeSync(slice, randomBytes(HEADER_BYTES), 0, HEADER_BYTES, 0);
    const sealed = path.join(this.folder, FILE.sealed);
    writeFileSync(`${sealed}.tmp`, JSON.stringify({ end }));
    renameSync(`${sealed}.tmp`, sealed);
    return this;
  }

  /** Numbers of the slices that are on disk. */
  slices(): number[] {
    return readdirSync(this.folder)
      .filter((name) => name.endsWith(".slice"))
      .map((name) => Number.parseInt(name, 10))
      .sort((a, b) => a - b);
  }

  /** All its bytes, while all its slices are there. */
  bytes(): Buffer {
    return Buffer.concat(this.slices().map((n) => readFileSync(path.join(this.folder, sliceName(n)))));
  }

  #write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const n = Math.floor(this.#size / SLICE_BYTES) + 1;
      const some = bytes.subarray(at, at + n * SLICE_BYTES - this.#size);
      appendFileSync(path.join(this.folder, sliceName(n)), some);
      at += some.length;
      this.#size += some.length;
    }
  }
}

export const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
