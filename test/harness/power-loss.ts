/**
 * A disk that keeps nothing but what it was made to: what would be left of a folder after a loss of power, at worst.
 * Bytes of a file survive as they were when it was last synced; names, as they were when their folder was. What was
 * removed is gone at once.
 */
import {
  existsSync,
  fstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import path from "node:path";
import { onTestFinished, vi } from "vitest";

export class PowerLoss {
  /** By inode. */
  readonly #synced = new Map<number, Buffer>();
  /** By folder: inodes by name. */
  readonly #names = new Map<string, Map<string, number>>();

  /** From now on, until the test is finished. */
  static async watch(): Promise<PowerLoss> {
    const watch = new PowerLoss();
    await using handle = await open("/dev/null");
    const prototype = Object.getPrototypeOf(handle) as FileHandle;
    for (const name of ["sync", "datasync"] as const) {
      const real = prototype[name];
      const spy = vi.spyOn(prototype, name).mockImplementation(async function (this: FileHandle) {
        await real.call(this);
        watch.#note(this.fd);
      });
      onTestFinished(() => spy.mockRestore());
    }
    return watch;
  }

  /** Writes what is left of `folder`, which lies at `from` now, into `target`. */
  survivors(folder: string, target: string, from: string): void {
    mkdirSync(target, { recursive: true });
    for (const [name, inode] of this.#names.get(folder) ?? []) {
      if (existsSync(path.join(from, name))) writeFileSync(path.join(target, name), this.#synced.get(inode) ?? "");
    }
  }

  #note(fd: number): void {
    const about = fstatSync(fd);
    const file = readlinkSync(`/proc/self/fd/${fd}`);
    if (about.isFile()) this.#synced.set(about.ino, readFileSync(`/proc/self/fd/${fd}`));
    if (!about.isDirectory()) return;
    this.#names.set(file, new Map(readdirSync(file).map((name) => [name, statSync(path.join(file, name)).ino])));
  }
}
