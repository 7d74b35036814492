/** Writing so that it is there, or was not begun. */
import { type FileHandle, open, rename } from "node:fs/promises";
import path from "node:path";

/** All of `bytes`, from `position` on; a disk that is full takes some of them first. */
export async function writeAll(file: Pick<FileHandle, "write">, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** Replaces the file at once, and has it on disk when it resolves. */
export async function writeJson(folder: string, name: string, value: unknown): Promise<void> {
  const target = path.join(folder, name);
  {
    await using file = await open(`${target}.tmp`, "w", 0o600);
    await file.writeFile(JSON.stringify(value));
    await file.sync();
  }
  await rename(`${target}.tmp`, target);
  await syncFolder(folder);
}

/** So that a file's name survives as its bytes do. */
export const syncFolder = (folder: string): Promise<void> => sync(folder);

/** A file or folder as it is now survives a loss of power. */
export async function sync(file: string): Promise<void> {
  await using handle = await open(file);
  await handle.sync();
}
