/** The bytes of segments and their parts: in memory first, later on disk. */
import type { Attic, Stored } from "./attic.ts";
import type { Segment } from "./window.ts";

/** In memory, or on disk `length` bytes from `offset` on. */
export type FoundMedia =
  | { found: "data"; data: readonly Buffer[]; audioOnly: boolean }
  | { found: "stored"; stored: Stored; offset: number; length: number; audioOnly: boolean };

/** `count` parts from `first` on. */
export function bytesOf(segment: Segment, first: number, count: number): FoundMedia | null {
  const audioOnly = segment.init.tracks.video === null;
  const parts = segment.parts.slice(first, first + count);
  const data = parts.flatMap((part) => part.data ?? []);
  if (data.length === parts.length) return { found: "data", data, audioOnly };
  const { stored } = segment;
  if (stored === null || stored === "storing") return null;
  const length = parts.reduce((sum, part) => sum + part.bytes, 0);
  const offset = segment.parts.slice(0, first).reduce((sum, part) => sum + part.bytes, 0);
  return { found: "stored", stored, offset, length, audioOnly };
}

/** Moves a whole segment to disk. When that fails it stays in memory. */
export async function putAway(segment: Segment, attic: Attic): Promise<void> {
  segment.stored = "storing";
  try {
    const stored = await attic.store(segment.parts.flatMap((part) => part.data ?? []));
    if (segment.forgotten) {
      stored.release();
      return;
    }
    segment.stored = stored;
    for (const part of segment.parts) part.data = null;
  } catch {
    // The disk is full or gone: the segment stays in memory for the rest of its time, and is tried again.
    segment.stored = null;
  }
}
