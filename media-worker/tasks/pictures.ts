/** From keyframes to JPEG: the poster, and the storyboard of one tile for each frame. */

import { type FfmpegOutput, runFfmpeg } from "./ffmpeg.ts";
import { configurationTag, FLV_HEADER, pictureTag } from "./flv-writer.ts";
import type { Keyframe } from "./keyframes.ts";
import { TaskFailure } from "./task-failure.ts";

const POSTER_WIDTH = 1280;
const POSTER_MAX_BYTES = 4 * 1024 * 1024;
const STORYBOARD_MAX_BYTES = 16 * 1024 * 1024;
const CANVAS_MAX_BYTES = 64 * 1024 * 1024;
const FFMPEG_MS = 90_000;
const RGB = 3;
/** Milliseconds between two pictures on FFmpeg's input. */
const STEP_MS = 40;
/** A line of the list of pictures. */
const LINE_MAX_BYTES = 128;

/** A picture of which a part is missing counts as none. */
const DECODE = ["-threads", "1", "-err_detect", "explode", "-ec", "0", "-copyts", "-f", "flv", "-i", "pipe:0"];
const PASS_EACH = ["-vsync", "passthrough", "-enc_time_base", "-1"];
const JPEG = ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", "4", "-threads", "1", "-f", "image2pipe", "pipe:1"];

export type Grid = { columns: number; rows: number; tile_width: number; tile_height: number };

/** At most 1280 wide, with square pixels. Null when the picture does not decode. */
export async function posterOf(keyframe: Keyframe, signal: AbortSignal): Promise<Buffer | null> {
  const width = `min(${POSTER_WIDTH},iw*sar)`;
  const scale = `scale=w='${even(width)}':h='${even(`${width}/dar`)}'`;
  const { output, code } = await runFfmpeg({
    args: [...DECODE, "-frames:v", "1", "-vf", `${scale},setsar=1`, ...JPEG],
    input: [FLV_HEADER, configurationTag(keyframe.avcC, 0), pictureTag(keyframe.sample, 0)],
    outputBytes: POSTER_MAX_BYTES,
    timeout_ms: FFMPEG_MS,
    signal,
  });
  return code === 0 && output.length > 0 ? output : null;
}

/**
 * Tile `i` shows keyframe `i`, letterboxed; it is black when there is none, or it does not decode. `shown`: which
 * tiles are not black. `count`: of keyframes, at most the grid's tiles.
 */
export async function storyboardOf(
  keyframes: AsyncIterable<Keyframe | null>,
  count: number,
  grid: Grid,
  signal: AbortSignal,
): Promise<{ jpeg: Buffer; shown: number[] }> {
  const { columns, rows, tile_width, tile_height } = grid;
  const tileBytes = tile_width * tile_height * RGB;
  if (count > columns * rows || tileBytes * columns * rows > CANVAS_MAX_BYTES) {
    throw new TaskFailure("internal", "the storyboard's size is impossible");
  }
  const decoded = await runFfmpeg({
    args: [...DECODE, ...tileFilter(grid), ...tileOutputs],
    input: flvOf(keyframes),
    outputBytes: tileBytes * count,
    sideBytes: LINE_MAX_BYTES * (count + 10),
    timeout_ms: FFMPEG_MS,
    signal,
  });
  const shown = shownIn(decoded, tileBytes).filter((index) => index < count);
  const canvas = Buffer.alloc(tileBytes * columns * rows);
  const rowBytes = tile_width * RGB;
  shown.forEach((index, n) => {
    const left = (index % columns) * rowBytes;
    const top = Math.floor(index / columns) * tile_height;
    for (let y = 0; y < tile_height; y++) {
      const from = n * tileBytes + y * rowBytes;
      decoded.output.copy(canvas, (top + y) * rowBytes * columns + left, from, from + rowBytes);
    }
  });
  const size = `${columns * tile_width}x${rows * tile_height}`;
  const { output, code, said } = await runFfmpeg({
    args: ["-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", size, "-i", "pipe:0", "-frames:v", "1", ...JPEG],
    input: [canvas],
    outputBytes: STORYBOARD_MAX_BYTES,
    timeout_ms: FFMPEG_MS,
    signal,
  });
  if (code !== 0 || output.length === 0) throw new TaskFailure("internal", `the storyboard was not encoded: ${said}`);
  return { jpeg: output, shown };
}

/** Even, and not zero: what chroma subsampling needs. */
const even = (expression: string) => `max(2,trunc((${expression})/2)*2)`;

/** Letterboxed. The sizes are expressions, because those of the pictures may change on the way. */
function tileFilter({ tile_width, tile_height }: Grid): string[] {
  const width = even(`min(${tile_width},${tile_height}*dar)`);
  const height = even(`min(${tile_height},${tile_width}/dar)`);
  const pad = `pad=${tile_width}:${tile_height}:(ow-iw)/2:(oh-ih)/2:black`;
  return ["-filter_complex", `[0:v]scale=w='${width}':h='${height}',setsar=1,${pad},format=rgb24,split[tiles][list]`];
}

/** The tiles one after the other; and the list of their times, because those that do not decode are not among them. */
const tileOutputs = [
  ...["-map", "[tiles]", "-c:v", "rawvideo", ...PASS_EACH, "-f", "rawvideo", "pipe:1"],
  ...["-map", "[list]", "-c:v", "rawvideo", ...PASS_EACH, "-f", "framecrc", "pipe:3"],
];

async function* flvOf(keyframes: AsyncIterable<Keyframe | null>): AsyncGenerator<Buffer> {
  yield FLV_HEADER;
  let configured: Buffer | null = null;
  let time = 0;
  for await (const keyframe of keyframes) {
    if (keyframe) {
      if (!configured?.equals(keyframe.avcC)) yield configurationTag(keyframe.avcC, time);
      configured = keyframe.avcC;
      yield pictureTag(keyframe.sample, time);
    }
    time += STEP_MS;
  }
}

/** The index of each tile that was written whole. Lines are `stream, dts, pts, duration, size, checksum`. */
function shownIn({ output, side }: FfmpegOutput, tileBytes: number): number[] {
  const lines = side.toString("latin1").split("\n");
  const [numerator = 1, denominator = 1000] = (
    /^#tb 0: (\d+)\/(\d+)/m.exec(side.toString("latin1"))?.slice(1) ?? []
  ).map(Number);
  return lines
    .filter((line) => /^0,/.test(line))
    .map((line) => Math.round((Number(line.split(",")[2]) * 1000 * numerator) / denominator / STEP_MS))
    .slice(0, Math.floor(output.length / tileBytes));
}
