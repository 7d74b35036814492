/** What was uploaded of a part, on disk before anything of it is removed: `upload.json`, replaced as a whole. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import * as z from "zod";
import { Slice } from "#contract/recording";
import { writeJson } from "../recorder/disk.ts";
import { FILE, isMissing } from "../recorder/part-files.ts";

const UploadFile = z.object({
  version: z.literal(1),
  /** Null until the control plane gave it one. */
  part_id: z.string().nullable(),
  /** In the order of their upload. */
  slices: z.array(Slice),
  /** Slice 1 was uploaded as it is after sealing. */
  indexed: z.boolean(),
  /** How many of `slices`, and how many runs, the control plane has heard of; it may have heard of more. */
  reported: z.object({ slices: z.number().int(), runs: z.number().int() }),
  /** Why the control plane does not want the part. */
  discarded: z.string().nullable(),
});
type UploadFile = z.infer<typeof UploadFile>;

const newFile = (): UploadFile => ({
  version: 1,
  part_id: null,
  slices: [],
  indexed: false,
  reported: { slices: 0, runs: 0 },
  discarded: null,
});

export class UploadJournal {
  readonly #folder: string;
  #state: UploadFile = newFile();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Before anything else. One that is not there, or cannot be read, is empty: then all slices that are left are uploaded
   * (again).
   */
  async load(): Promise<void> {
    try {
      this.#state = UploadFile.parse(JSON.parse(await readFile(path.join(this.#folder, FILE.upload), "utf8")));
    } catch (error) {
      if (!(error instanceof SyntaxError || error instanceof z.ZodError || isMissing(error))) throw error;
    }
  }

  get partId(): string | null {
    return this.#state.part_id;
  }
  get slices(): readonly Slice[] {
    return this.#state.slices;
  }
  get indexed(): boolean {
    return this.#state.indexed;
  }
  get reported(): Readonly<UploadFile["reported"]> {
    return this.#state.reported;
  }
  get discarded(): string | null {
    return this.#state.discarded;
  }

  /** The part's id; what was uploaded under another one is worth nothing. */
  async opened(part_id: string): Promise<void> {
    if (part_id === this.#state.part_id) return;
    this.#state = { ...newFile(), part_id };
    await this.save();
  }

  /** `indexed`: it is slice 1 as it is after sealing. */
  async uploaded(slice: Slice, indexed: boolean): Promise<void> {
    const { slices } = this.#state;
    const before = slices.findIndex(({ n }) => n === slice.n);
    if (before < 0) slices.push(slice);
    else slices[before] = slice;
    if (indexed) this.#state.indexed = true;
    await this.save();
  }

  /** Not written at once: what is reported twice does no harm. */
  heard(reported: UploadFile["reported"]): void {
    this.#state.reported = reported;
  }

  async discard(reason: string): Promise<void> {
    this.#state.discarded = reason;
    await this.save();
  }

  /** After a change that rejected because the disk did not take it: what is known here is as it should be. */
  save(): Promise<void> {
    return writeJson(this.#folder, FILE.upload, this.#state);
  }
}
