import { describe, expect, test } from "vitest";
import { backoff, jitter } from "../../../web/player/attempts.ts";
import { entryPoint, stretchStart } from "../../../web/player/live-edge.ts";
import { qualitiesOf } from "../../../web/player/qualities.ts";
import { words } from "../../../web/player/screens.ts";
import { embedSnippet, ffmpegCommand } from "../../../web/streams/addresses.ts";
import { elapsed } from "../../../web/ui/elapsed.ts";

const MINUTE = 60_000;

test.each([
  [-5, "less than a minute"],
  [59_000, "less than a minute"],
  [MINUTE, "1 min"],
  [59.9 * MINUTE, "59 min"],
  [60 * MINUTE, "1 h 00 min"],
  [125 * MINUTE, "2 h 05 min"],
  [49 * 60 * MINUTE, "2 d"],
])("%d ms is %j", (ms, said) => {
  expect(elapsed(ms)).toBe(said);
});

test("qualities are named by height, with the frame rate where it is high, best first", () => {
  const levels = [
    { height: 0, frameRate: 0, bitrate: 96_000 },
    { height: 480, frameRate: 30, bitrate: 1_000_000 },
    { height: 720, frameRate: 59.94, bitrate: 3_000_000 },
    { height: 0, frameRate: 0, bitrate: 0 },
  ];
  expect(qualitiesOf(levels)).toEqual([
    { index: 2, label: "720p60" },
    { index: 1, label: "480p" },
    { index: 0, label: "Audio 96 kb/s" },
    { index: 3, label: "Source" },
  ]);
});

test("every phase either shows the picture or says what is the matter", () => {
  for (const phase of ["loading", "playing", "buffering"] as const) expect(words({ phase, problem: null })).toBeNull();
  expect(words({ phase: "waiting", problem: null })?.title).toBe("Waiting for the publisher");
  expect(words({ phase: "ended", problem: null })?.title).toBe("The stream has ended");
  for (const problem of ["refused", "unreachable", "unsupported", "media"] as const) {
    expect(words({ phase: "error", problem })?.title).toBeTruthy();
  }
});

test("tries come further apart, up to 5 s, and never all at once", () => {
  const middle = () => 0.5;
  expect([1, 2, 3, 4, 5, 50].map((attempt) => backoff(attempt, middle))).toEqual([500, 1000, 2000, 4000, 5000, 5000]);
  expect(jitter(1000, () => 0)).toBe(800);
  expect(jitter(1000, () => 0.999)).toBe(1200);
});

test("what people take along names the stream and asks for a keyframe every 2 s", () => {
  expect(embedSnippet({ public_key: "pub_x" }, "https://sluice.test")).toContain(
    'src="https://sluice.test/embed/stream/pub_x"',
  );
  const command = ffmpegCommand("rtmp://127.0.0.1:1935/live", "live_y");
  expect(command).toContain('"rtmp://127.0.0.1:1935/live/live_y"');
  expect(command).toContain("expr:gte(t,n_forced*2)");
});

describe("where somebody joins a stream with long GOPs", () => {
  /** Parts of 1 s, four to a segment; `k` has a keyframe. */
  const parts = (text: string) =>
    [...text].map((mark, index) => ({
      start: 100 + index,
      independent: mark === "k",
      fragment: { sn: Math.floor(index / 4), cc: index < 6 ? 3 : 4 },
    }));
  test.each([
    ["the segment there has one: hls.js finds it", "k...k...", 106, null],
    ["the segment there has none: an earlier one", "..k.....", 106, 102],
    ["a keyframe later than wanted does not help", "k......k", 105, 100],
    ["none is known", "........", 106, null],
    ["nothing before", "kkkk", 99, null],
    ["sound alone: every part will do", "kkkkkkkk", 106, null],
  ])("%s", (_name, text, position, entry) => {
    expect(entryPoint(parts(text), position)).toBe(entry);
  });

  test("what came before the last discontinuity may have other tracks: the stretch since then is known", () => {
    expect(stretchStart(parts("k...k.k."))).toBe(106);
    expect(stretchStart(parts("k..."))).toBe(100);
    expect(stretchStart([])).toBe(0);
  });
});
