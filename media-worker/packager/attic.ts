/**
 * Where segments go that players at the live edge do not ask for any more: a file without a name, so that it takes no
 * memory and nothing is left behind however the process ends. When the disk fails, segments just stay in memory.
 */
import { type FileHandle, open, unlink } from "node:fs/promises";

/** Bytes put away. */
export interface Stored {
  readonly length: number;
  /** `end` is exclusive. Rejects when the disk fails. */
  read(start: number, end: number): Promise<Buffer>;
  /** Gives the room back. Reads under way still finish. */
  release(): void;
}

export interface Attic {
  /** Rejects when the disk fails. */
  store(pieces: Buffer[]): Promise<Stored>;
  close(): Promise<void>;
}

type Region = { start: number; end: number; users: number };

export class FileAttic implements Attic {
  readonly #path: string;
  #file: Promise<FileHandle> | null = null;
  /** Taken, in order of `start`. */
  readonly #regions: Region[] = [];
  #closed = false;

  /** `path`: of a file that does not exist; its directory does. */
  constructor(path: string) {
    this.#path = path;
  }

  async store(pieces: Buffer[]): Promise<Stored> {
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const region = this.#take(length);
    try {
      const file = await this.#open();
      const { bytesWritten } = await file.writev(pieces, region.start);
      if (bytesWritten !== length) throw new Error(`the disk took ${bytesWritten} of ${length} bytes`);
    } catch (error) {
      this.#leave(region);
      throw error;
    }
    let held = true;
    return {
      length,
      read: (start, end) => this.#read(region, start, end),
      release: () => {
        if (held) this.#leave(region);
        held = false;
      },
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    const file = this.#file;
    this.#file = null;
    await (await file)?.close();
  }

  #open(): Promise<FileHandle> {
    if (this.#closed) throw new Error("the attic is closed");
    this.#file ??= openUnnamed(this.#path);
    return this.#file;
  }

  async #read(region: Region, start: number, end: number): Promise<Buffer> {
    region.users++;
    try {
      const file = await this.#open();
      const buffer = Buffer.allocUnsafeSlow(end - start);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, region.start + start);
      if (bytesRead !== buffer.length) throw new Error("the attic is shorter than what was put into it");
      return buffer;
    } finally {
      this.#leave(region);
    }
  }

  /** The first gap that is large enough, or the end. */
  #take(length: number): Region {
    let start = 0;
    let index = 0;
    for (const region of this.#regions) {
      if (region.start - start >= length) break;
      start = region.end;
      index++;
    }
    const region = { start, end: start + length, users: 1 };
    this.#regions.splice(index, 0, region);
    return region;
  }

  #leave(region: Region): void {
    if (--region.users === 0) this.#regions.splice(this.#regions.indexOf(region), 1);
  }
}

async function openUnnamed(path: string): Promise<FileHandle> {
  const file = await open(path, "wx+", 0o600);
  await unlink(path);
  return file;
}
