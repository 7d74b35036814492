/** Joining at the live edge of a stream whose segments do not all begin with a keyframe (long GOPs). */

type Part = { start: number; independent: boolean; fragment: { sn: number | string; cc: number } };

/**
 * Where decoding can begin for somebody who wants to see `position`: the last part with a keyframe before it. Null when
 * that is in the segment of `position` itself, which hls.js finds, or when the playlist names none.
 */
export function entryPoint(parts: readonly Part[], position: number): number | null {
  const before = parts.filter(({ start }) => start <= position);
  const entry = before.findLast(({ independent }) => independent);
  return entry && entry.fragment.sn !== before.at(-1)?.fragment.sn ? entry.start : null;
}

/** Where the stretch since the last discontinuity begins; 0 without parts. What came before may have other tracks. */
export function stretchStart(parts: readonly Part[]): number {
  const newest = parts.at(-1)?.fragment.cc;
  return parts.find(({ fragment }) => fragment.cc === newest)?.start ?? 0;
}

type Buffer = Pick<HTMLVideoElement, "buffered">;

/** Seconds that are there to be played from `position` on. */
export function ahead({ buffered }: Buffer, position: number): number {
  for (let range = 0; range < buffered.length; range += 1) {
    if (buffered.start(range) <= position && position < buffered.end(range)) return buffered.end(range) - position;
  }
  return 0;
}

export const isBuffered = (media: Buffer, position: number): boolean => ahead(media, position) > 0;
