/** Bit rates as EXT-X-STREAM-INF wants them (RFC 8216bis section 4.4.6.2), audio and container included. */
import type { Segment } from "./window.ts";

/**
 * BANDWIDTH so far: the largest bit rate of any run of segments that ends with the last of `segments` and lasts 0.5 to
 * 1.5 target durations, or `before` if that is larger.
 */
export function peakBandwidth(segments: readonly Segment[], target: number, before: number): number {
  let peak = before;
  let duration = 0;
  let bytes = 0;
  for (let i = segments.length - 1; i >= 0; i--) {
    const segment = segments[i];
    if (!segment?.complete) continue;
    duration += segment.duration;
    bytes += segment.bytes;
    if (duration > 1.5 * target) break;
    if (duration >= 0.5 * target) peak = Math.max(peak, Math.ceil((bytes * 8) / duration));
  }
  return peak;
}

/** AVERAGE-BANDWIDTH, rounded up; of the parts so far while no segment is complete. */
export function averageBandwidth(segments: readonly Segment[]): number {
  let duration = 0;
  let bytes = 0;
  const whole = segments.filter((segment) => segment.complete);
  for (const segment of whole.length > 0 ? whole : segments) {
    duration += segment.duration;
    bytes += segment.bytes;
  }
  return duration > 0 ? Math.ceil((bytes * 8) / duration) : 0;
}
