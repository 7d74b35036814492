/** Range requests (RFC 9110 section 14): one range of bytes; several, or another unit, are ignored. */

export type ByteRange = { start: number; end: number };

/** `end` is exclusive. Null: send everything. `unsatisfiable`: 416. */
export function parseRange(header: string | undefined, length: number): ByteRange | "unsatisfiable" | null {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? "");
  if (!match) return null;
  const [, from = "", to = ""] = match;
  if (from === "" && to === "") return null;
  if (from === "") {
    const last = Math.min(Number(to), length);
    return last === 0 ? "unsatisfiable" : { start: length - last, end: length };
  }
  const start = Number(from);
  const end = to === "" ? length : Math.min(Number(to) + 1, length);
  if (to !== "" && Number(to) < start) return null;
  return start >= length ? "unsatisfiable" : { start, end };
}
