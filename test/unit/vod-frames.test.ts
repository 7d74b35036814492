/** Which frames of a recording become its poster and its storyboard. */
import { describe, expect, test } from "vitest";
import type { Run } from "../../schema/contract/recording.ts";
import { choosePictures, type Footage } from "../../workers/vods/frames.ts";

const HEADER = 1_000;
const video = (runs: Run[], fields: Partial<Footage> = {}): Footage => ({
  width: 1280,
  height: 720,
  header_bytes: HEADER,
  runs,
  ...fields,
});
const audio = (runs: Run[]) => video(runs, { width: null, height: null });
/** So many runs of 4 s, of 1,000 bytes each. */
const runs = (count: number): Run[] => Array.from({ length: count }, () => [1_000, 4_000]);

describe("the poster", () => {
  test("is from a tenth into a long recording, at the keyframe before", () => {
    const { poster } = choosePictures([video(runs(100))])!;
    expect(poster).toEqual({ source: 0, offset: HEADER + 10 * 1_000, size: 1_000, at: 40 });
  });

  test("is from after the first three seconds when there are as many", () => {
    const short = choosePictures([video([...Array<Run>(5).fill([500, 1_000])])])!;
    expect(short.poster.at).toBe(3);
    expect(choosePictures([video([[500, 800]])])!.poster).toEqual({ source: 0, offset: HEADER, size: 500, at: 0 });
  });

  test("is never fetched whole when its run is large", () => {
    expect(choosePictures([video([[40_000_000, 60_000]])])!.poster.size).toBe(2 * 1024 * 1024);
  });
});

describe("the storyboard", () => {
  test("has a tile for each ten seconds, in a grid near a square", () => {
    const { frames, storyboard } = choosePictures([video(runs(25))])!;
    expect(storyboard).toEqual({ columns: 4, rows: 3, tile_width: 160, tile_height: 90, count: 10, step: 10 });
    expect(frames.map(({ at }) => at)).toEqual([0, 8, 20, 28, 40, 48, 60, 68, 80, 88]);
  });

  test("of a long recording has 225 tiles at most, further apart", () => {
    for (const hours of [0.625, 1, 3, 12, 100]) {
      const { frames, storyboard } = choosePictures([video(runs(hours * 900))])!;
      expect(storyboard.count).toBe(225);
      expect(frames).toHaveLength(225);
      expect(storyboard.columns * storyboard.rows).toBe(225);
      expect(storyboard.step).toBeCloseTo((hours * 3600) / 225);
    }
  });

  test("of a short one is a single tile", () => {
    const { frames, storyboard } = choosePictures([video([[500, 40]])])!;
    expect(storyboard).toMatchObject({ columns: 1, rows: 1, count: 1 });
    expect(frames).toEqual([{ source: 0, offset: HEADER, size: 500, at: 0 }]);
  });

  test("counts time and bytes on over the parts", () => {
    const { frames } = choosePictures([video(runs(3)), video(runs(3), { header_bytes: 50 })])!;
    expect(frames).toEqual([
      { source: 0, offset: HEADER, size: 1_000, at: 0 },
      { source: 0, offset: HEADER + 2_000, size: 1_000, at: 8 },
      { source: 1, offset: 50 + 2_000, size: 1_000, at: 20 },
    ]);
  });

  test("shows the nearest picture where a part has none", () => {
    const { poster, frames } = choosePictures([audio(runs(5)), video(runs(1)), audio(runs(5))])!;
    expect(poster).toMatchObject({ source: 1, at: 20 });
    expect(new Set(frames.map(({ source }) => source))).toEqual(new Set([1]));
  });

  test.each([
    [1080, 1920, 284],
    [1440, 1080, 120],
    [1, 100_000, 640],
    [100_000, 1, 2],
  ])("of %d × %d has even tiles, %d high", (width, height, expected) => {
    expect(choosePictures([video(runs(1), { width, height })])!.storyboard.tile_height).toBe(expected);
  });
});

test("sound alone has no picture", () => {
  expect(choosePictures([audio(runs(10))])).toBeNull();
  expect(choosePictures([])).toBeNull();
  expect(choosePictures([video([])])).toBeNull();
});
