import { describe, expect, test } from "vitest";
import { Timeline } from "../../media-worker/live/timeline.ts";

const STEREO = { coreRate: 48_000, frameLength: 1024 };
const MONO = { coreRate: 44_100, frameLength: 1024 };

describe("video", () => {
  test("begins at 0 and keeps the publisher's milliseconds, exact in ticks", () => {
    const timeline = new Timeline(true, null);
    expect([5000, 5033, 5067, 5100].map((dts) => timeline.placeVideo(dts))).toEqual([0, 2970, 6030, 9000]);
  });

  test("small steps back become small steps forward, and the clock catches up", () => {
    const timeline = new Timeline(true, null);
    const placed = [0, 33, 67, 40, 73, 107].map((dts) => timeline.placeVideo(dts));
    expect(placed.map((ticks) => Number(ticks) / 90)).toEqual([0, 33, 67, 68, 73, 107]);
  });

  test.each([
    ["forward beyond 10 s", 10_034],
    ["back beyond half a second", -468],
    ["an hour back", -3_600_000],
  ])("a jump %s ends the timeline", (_, to) => {
    const timeline = new Timeline(true, null);
    timeline.placeVideo(0);
    timeline.placeVideo(33);
    expect(timeline.placeVideo(to)).toBeNull();
  });

  test("a pause of up to 10 s is a pause", () => {
    const timeline = new Timeline(true, null);
    timeline.placeVideo(0);
    expect(timeline.placeVideo(10_000)).toBe(900_000);
  });

  test("steps back that add up end the timeline too", () => {
    const timeline = new Timeline(true, null);
    timeline.placeVideo(10_000);
    const placed = [9_800, 9_600, 9_400].map((dts) => timeline.placeVideo(dts));
    expect(placed.map((ticks) => ticks === null)).toEqual([false, false, true]);
  });
});

/** Where a frame begins, or why it does not. */
function audioAt(timeline: Timeline, dts: number): number | "drop" | "break" {
  const placed = timeline.placeAudio(dts);
  return typeof placed === "string" ? placed : placed.time;
}

describe("audio beside video", () => {
  const started = (audio = STEREO) => {
    const timeline = new Timeline(true, audio);
    timeline.placeVideo(1000);
    return timeline;
  };

  test("is counted in samples, whatever the rounding of its time stamps", () => {
    const timeline = started(MONO);
    const stamps = Array.from({ length: 500 }, (_, i) => 1000 + Math.round((i * 1024 * 1000) / 44_100) + (i % 3) - 1);
    const placed = stamps.slice(1).map((dts) => audioAt(timeline, dts));
    const first = Number(placed[0]);
    expect(placed).toEqual(placed.map((_, i) => first + i * 1024));
  });

  test("before the first picture is dropped", () => {
    const timeline = started();
    expect(audioAt(timeline, 990)).toBe("drop");
    expect(audioAt(timeline, 1011)).toBe(528);
  });

  test("is put right when it has drifted beyond 100 ms: later, by a longer frame", () => {
    const timeline = started();
    timeline.placeAudio(1000);
    expect(timeline.placeAudio(1021 + 90)).toEqual({ time: 1024, duration: 1024 });
    expect(timeline.placeAudio(1043 + 150)).toEqual({ time: 2048, duration: 193 * 48 + 1024 - 2048 });
    expect(timeline.placeAudio(1064 + 150)).toEqual({ time: 193 * 48 + 1024, duration: 1024 });
  });

  test("is put right when it has drifted beyond 100 ms: earlier, by leaving frames out", () => {
    const timeline = started();
    let out = 0;
    // Frames that claim to last 20 ms: 1.33 ms of drift each.
    const placed = Array.from({ length: 400 }, (_, i) => audioAt(timeline, 1000 + i * 20));
    for (const start of placed) {
      if (start === "drop") out++;
      else expect(Math.abs(Number(start) / 48 - placed.indexOf(start) * 20)).toBeLessThanOrEqual(122);
    }
    expect(out).toBeGreaterThan(15);
    expect(out).toBeLessThan(30);
  });

  test.each([
    ["forward", 3_600_000],
    ["back", -8_000],
  ])("a jump %s of its clock alone is bridged", (_, by) => {
    const timeline = started();
    audioAt(timeline, 1000);
    expect(audioAt(timeline, 1021 + by)).toBe(1024);
    expect(audioAt(timeline, 1043 + by)).toBe(2048);
  });

  test("on a clock of its own it starts where video is", () => {
    const timeline = started();
    timeline.placeVideo(1033);
    expect(audioAt(timeline, 7_000_000)).toBe(33 * 48);
  });
});

describe("audio alone", () => {
  test("begins at 0 and is never stretched", () => {
    const timeline = new Timeline(false, STEREO);
    expect([100, 121, 143, 300].map((dts) => audioAt(timeline, dts))).toEqual([0, 1024, 2048, 3072]);
  });

  test.each([
    ["forward", 700],
    ["back", -700],
  ])("a jump %s ends the timeline", (_, by) => {
    const timeline = new Timeline(false, STEREO);
    audioAt(timeline, 10_000);
    expect(audioAt(timeline, 10_021 + by)).toBe("break");
  });
});
