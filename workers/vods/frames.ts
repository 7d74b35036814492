/** Which pictures of a VOD are shown before it plays: the poster, and the tiles of its storyboard. Pure. */
import type { Run } from "#contract/recording";
import type { Frame } from "#contract/tasks";
import type { Storyboard } from "#contract/vods";

const POSTER_AT = 0.1;
/** Broadcasts begin with a black picture or a test card. */
const POSTER_FROM_S = 3;
const STEP_MIN_S = 10;
const TILES_MAX = 225;
const TILE_WIDTH = 160;
/** Of a run so much is fetched that its first picture is whole; more would be paid for and thrown away. */
const FETCH_MAX_BYTES = 2 * 1024 * 1024;

export type Footage = {
  width: number | null;
  height: number | null;
  header_bytes: number;
  runs: readonly Run[];
};

export type Pictures = {
  poster: Frame;
  frames: Frame[];
  storyboard: Omit<Storyboard, "url">;
};

/** `source` of the frames is the part's index. Null: there is no picture in it. */
export function choosePictures(parts: readonly Footage[]): Pictures | null {
  const keyframes: Frame[] = [];
  let at = 0;
  for (const [source, { width, header_bytes, runs }] of parts.entries()) {
    let offset = header_bytes;
    for (const [bytes, ms] of runs) {
      if (width !== null) keyframes.push({ source, offset, size: Math.min(bytes, FETCH_MAX_BYTES), at: at / 1000 });
      offset += bytes;
      at += ms;
    }
  }
  const duration = at / 1000;
  const posterAt = Math.min(Math.max(duration * POSTER_AT, POSTER_FROM_S), duration);
  const poster = lastUntil(keyframes, posterAt);
  if (!poster) return null;

  const step = Math.max(STEP_MIN_S, duration / TILES_MAX);
  // Rounded, so that a step that was divided out of the duration does not come out one tile too long.
  const count = Math.max(1, Math.ceil(Number((duration / step).toFixed(6))));
  const frames = Array.from({ length: count }, (_, index) => lastUntil(keyframes, index * step) ?? poster);
  const columns = Math.ceil(Math.sqrt(count));
  return {
    poster,
    frames,
    storyboard: {
      columns,
      rows: Math.ceil(count / columns),
      tile_width: TILE_WIDTH,
      tile_height: tileHeight(parts[poster.source]),
      count,
      step,
    },
  };
}

/** The last frame that is shown at or before `seconds`; the first one when all come later. */
function lastUntil(frames: readonly Frame[], seconds: number): Frame | undefined {
  let [low, high] = [0, frames.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((frames[middle]?.at ?? 0) <= seconds) low = middle + 1;
    else high = middle;
  }
  return frames[Math.max(low - 1, 0)];
}

/** Even, as the encoder wants it. */
function tileHeight(part: Footage | undefined): number {
  const { width, height } = part ?? {};
  if (!width || !height) return (TILE_WIDTH * 9) / 16;
  return Math.min(Math.max(2 * Math.round((TILE_WIDTH * height) / width / 2), 2), TILE_WIDTH * 4);
}
