/** Renditions as viewers choose them. */
import type { Level } from "hls.js/light";
import type { Quality } from "./state.ts";

/** By height, with the frame rate where it is high, best first. */
export function qualitiesOf(levels: readonly Pick<Level, "height" | "frameRate" | "bitrate">[]): Quality[] {
  return levels
    .map(({ height, frameRate, bitrate }, index) => ({
      index,
      height,
      bitrate,
      label: label(height, frameRate, bitrate),
    }))
    .sort((a, b) => b.height - a.height || b.bitrate - a.bitrate)
    .map(({ index, label }) => ({ index, label }));
}

function label(height: number, frameRate: number, bitrate: number): string {
  if (height > 0) return `${height}p${frameRate > 31 ? Math.round(frameRate) : ""}`;
  return bitrate > 0 ? `Audio ${Math.round(bitrate / 1000)} kb/s` : "Source";
}
