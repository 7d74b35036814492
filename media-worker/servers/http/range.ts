import type { ByteRange } from "#kit/byte-range";

/** The pieces of `buffers` that lie in the range; nothing is copied. */
export function slice(buffers: readonly Buffer[], { start, end }: ByteRange): Buffer[] {
  const pieces: Buffer[] = [];
  let at = 0;
  for (const buffer of buffers) {
    const from = Math.max(start - at, 0);
    const to = Math.min(end - at, buffer.length);
    if (from < to) pieces.push(buffer.subarray(from, to));
    at += buffer.length;
  }
  return pieces;
}
