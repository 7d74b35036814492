/** FRAME-RATE where neither codec nor metadata say it: counted, and taken to the usual rate next to it. */

const USUAL = [15, 23.976, 24, 25, 29.97, 30, 48, 50, 59.94, 60, 90, 100, 119.88, 120];
/** RTMP's milliseconds and a short count blur the figure by about this much. */
const TOLERANCE = 0.03;

export function countedFrameRate(frames: number, seconds: number): number | null {
  if (frames < 2 || seconds <= 0) return null;
  const counted = frames / seconds;
  const usual = USUAL.reduce((best, rate) => (Math.abs(rate - counted) < Math.abs(best - counted) ? rate : best));
  return Math.abs(usual - counted) <= usual * TOLERANCE ? usual : counted;
}
