/** Sums about a recording's time: where things lie on the seek bar. Seconds throughout. */
import type { Gap, Storyboard, VodPart } from "#contract/vods";

/** From, to. */
export type Span = readonly [number, number];

export const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));

/** Where `time` lies in the whole, 0 to 1. */
export const shareOf = (time: number, duration: number): number => (duration > 0 ? clamp(time / duration, 0, 1) : 0);

/** The time under a pointer at `x` on a bar that begins at `left`. */
export const timeAt = (x: number, bar: { left: number; width: number }, duration: number): number =>
  bar.width > 0 ? clamp((x - bar.left) / bar.width, 0, 1) * duration : 0;

export function spansOf(ranges: TimeRanges): Span[] {
  return Array.from({ length: ranges.length }, (_, index) => [ranges.start(index), ranges.end(index)] as const);
}

/** Where in the storyboard's picture the tile for `time` begins, in its pixels. */
export function tileAt({ columns, count, step, tile_width, tile_height }: Storyboard, time: number) {
  const index = clamp(Math.floor(time / step), 0, count - 1);
  return { x: (index % columns) * tile_width, y: Math.floor(index / columns) * tile_height };
}

/** The gap that is nearest to `time`, if it is within `reach`. */
export function gapNear(gaps: readonly Gap[], time: number, reach: number): Gap | null {
  const near = gaps.filter(({ at }) => Math.abs(at - time) <= reach);
  return near.sort((a, b) => Math.abs(a.at - time) - Math.abs(b.at - time))[0] ?? null;
}

const kindsOf = (codecs: string) =>
  [/\b(avc|hvc|hev|av01|vp0)/.test(codecs), /\b(mp4a|opus|ac-3|ec-3)/i.test(codecs)].join();

/** Where pictures or sound come or go. */
export function seamsOf(parts: readonly Pick<VodPart, "duration" | "codecs">[]): number[] {
  let at = 0;
  return parts.flatMap(({ duration, codecs }, index) => {
    const before = parts[index - 1];
    const begins = at;
    at += duration;
    return before && kindsOf(before.codecs) !== kindsOf(codecs) ? [begins] : [];
  });
}

/** The stretch between two seams in which `time` lies. */
export function stretchAt(seams: readonly number[], time: number): { from: number; to: number } {
  return {
    from: seams.findLast((seam) => seam <= time) ?? 0,
    to: seams.find((seam) => seam > time) ?? Number.POSITIVE_INFINITY,
  };
}
