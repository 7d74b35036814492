/**
 * Completes a part on disk: cuts it back to its last whole logged fragment, writes durations and index into its header,
 * and marks it as sealed. What it writes follows from `part.json` and the log alone, so a sealing that was interrupted
 * is repeated from its start.
 */
import { open, readdir, rm, stat } from "node:fs/promises";
import path from "node:path";
import { type PartEnd, SLICE_BYTES } from "#contract/recording";
import { writeAll, writeJson } from "./disk.ts";
import { sealHeader } from "./header.ts";
import {
  FILE,
  isMissing,
  type LoggedFragment,
  logLine,
  type PartFile,
  PartTally,
  readLog,
  readPart,
  readSealed,
  type SealedFile,
  sliceBytes,
  sliceName,
  sliceNumber,
} from "./part-files.ts";

/**
 * `removed`: not one fragment was whole. Rejects when the disk fails, or cannot be read what the part is: then it is
 * left as it was, or shorter.
 */
export async function sealPart(folder: string, end: PartEnd): Promise<"sealed" | "removed"> {
  if (await readSealed(folder)) return "sealed";
  const part = await readPart(folder);
  const kept = part && (await cutBack(folder, part));
  if (!part || !kept) {
    await rm(folder, { recursive: true, force: true });
    return "removed";
  }
  await writeHeader(folder, part, kept);
  await writeJson(folder, FILE.sealed, { end } satisfies SealedFile);
  return "sealed";
}

/** Folders of the parts in `dir` that are not sealed. When nobody records there, a process was killed at them. */
export async function leftBehind(dir: string): Promise<string[]> {
  const folders: string[] = [];
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const folder = path.join(dir, entry.name);
    if (entry.isDirectory() && !(await readSealed(folder).catch(() => null))) folders.push(folder);
  }
  return folders;
}

type Kept = { tally: PartTally; fragments: LoggedFragment[] };

/** Null when nothing is left. */
async function cutBack(folder: string, part: PartFile): Promise<Kept | null> {
  const { fragments, next } = await readLog(folder);
  const slices = await readSlices(folder);
  const there = bytesThere(slices);
  const tally = new PartTally(part);
  let count = 0;
  let logBytes = 0;
  for (const fragment of fragments) {
    if (tally.size + fragment.bytes > there) break;
    tally.add(fragment);
    count++;
    logBytes += logLine(fragment).length;
  }
  if (logBytes === 0) return null;
  for (const [n, size] of slices) {
    const file = path.join(folder, sliceName(n));
    const kept = sliceBytes(n, tally.size);
    if (kept === 0) await rm(file);
    else await keep(file, size, kept);
  }
  // Also the begin of a line that was never finished, so `next` says nothing of the file's size.
  await keep(path.join(folder, FILE.log), Number.POSITIVE_INFINITY, Math.min(logBytes, next));
  return { tally, fragments: fragments.slice(0, count) };
}

/** The first `kept` of `size` bytes, and they are on disk. A file that is not there was uploaded meanwhile. */
async function keep(file: string, size: number, kept: number): Promise<void> {
  try {
    await using handle = await open(file, "r+");
    if (size > kept) await handle.truncate(kept);
    await handle.sync();
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/** Size of each slice that is here, by its number. */
async function readSlices(folder: string): Promise<Map<number, number>> {
  const slices = new Map<number, number>();
  for (const name of await readdir(folder)) {
    const n = sliceNumber(name);
    const size = n === null ? null : await sizeOf(path.join(folder, name));
    if (n !== null && size !== null) slices.set(n, size);
  }
  return slices;
}

/** Null: the uploader removed it just now. */
async function sizeOf(file: string): Promise<number | null> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** From the part's begin on, without a gap. A slice that is missing was whole, and is uploaded. */
function bytesThere(slices: ReadonlyMap<number, number>): number {
  const last = Math.max(0, ...slices.keys());
  for (let n = 1; n < last; n++) {
    const size = slices.get(n) ?? SLICE_BYTES;
    if (size < SLICE_BYTES) return (n - 1) * SLICE_BYTES + size;
  }
  return last === 0 ? 0 : (last - 1) * SLICE_BYTES + (slices.get(last) ?? 0);
}

async function writeHeader(folder: string, part: PartFile, { tally, fragments }: Kept): Promise<void> {
  await using slice = await open(path.join(folder, sliceName(1)), "r+");
  const header = Buffer.alloc(part.header_bytes);
  const { bytesRead } = await slice.read(header, 0, header.length, 0);
  if (bytesRead < header.length) throw new Error("the part's header is not whole");
  sealHeader(header, part, tally, fragments);
  await writeAll(slice, header, 0);
  await slice.sync();
}
