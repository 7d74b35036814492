/** The first piece is small, so that its first byte comes soon; a request may ask S3 a thousand times at most. */
const FIRST_BYTES = 8 * 1024 * 1024;
const MOST_BYTES = 64 * 1024 * 1024;

/**
 * Bytes `start` to before `end` of an object, taken with `get` piece by piece while they are read: players ask for all
 * the rest of a recording and leave after a moment, and R2's local endpoint reads a whole range before it answers.
 * Rejects as the first `get` does; a later one that fails cuts the stream off.
 */
export async function piecewise(
  get: (start: number, end: number) => Promise<ReadableStream>,
  { start, end }: { start: number; end: number },
  waitUntil: (promise: Promise<unknown>) => void,
): Promise<ReadableStream> {
  let at = Math.min(end, start + FIRST_BYTES);
  const first = await get(start, at);
  if (at === end) return first;

  const { readable, writable } = new FixedLengthStream(end - start);
  const pump = async () => {
    await first.pipeTo(writable, { preventClose: true });
    for (let size = FIRST_BYTES; at < end; ) {
      size = Math.min(size * 2, MOST_BYTES);
      const until = Math.min(end, at + size);
      const piece = await get(at, until);
      await piece.pipeTo(writable, { preventClose: true });
      at = until;
    }
    await writable.close();
  };
  // Most often the reader has left; of a failure of S3 it is told by the cut, and S3's client has logged it.
  waitUntil(pump().catch((error) => writable.abort(error).catch(() => undefined)));
  return readable;
}
