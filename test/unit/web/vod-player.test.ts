/** The sums and words of the player of recordings. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Gap } from "#contract/vods";
import { clock, spoken, startOf } from "../../../web/player/vod/clock.ts";
import { gapList, gapWords } from "../../../web/player/vod/gaps.ts";
import { leapAt } from "../../../web/player/vod/gestures.ts";
import { type VodKeyActions, vodKeyAction } from "../../../web/player/vod/keys.ts";
import { keepPosition, positionOf } from "../../../web/player/vod/resume.ts";
import { vodWords } from "../../../web/player/vod/screens.ts";
import { gapNear, seamsOf, shareOf, stretchAt, tileAt, timeAt } from "../../../web/player/vod/timeline.ts";

describe("times", () => {
  test.each([
    [0, "0:00", "0 seconds"],
    [7.4, "0:07", "7 seconds"],
    [61, "1:01", "1 minute 1 second"],
    [754, "12:34", "12 minutes 34 seconds"],
    [3600, "1:00:00", "1 hour"],
    [3723, "1:02:03", "1 hour 2 minutes 3 seconds"],
    [129.99, "2:10", "2 minutes 10 seconds"],
    [-3, "0:00", "0 seconds"],
    [Number.NaN, "0:00", "0 seconds"],
    [Number.POSITIVE_INFINITY, "0:00", "0 seconds"],
  ])("%d s is read %j and said %j", (seconds, read, said) => {
    expect(clock(seconds)).toBe(read);
    expect(spoken(seconds)).toBe(said);
  });

  test.each([
    ["#t=90", 90],
    ["#t=12.5", 12.5],
    ["#t=90s", 90],
    ["#t=1m30s", 90],
    ["#t=1h2m3s", 3723],
    ["#t=2h", 7200],
    ["#t=1:30", 90],
    ["#t=1:00:05", 3605],
    ["#t=npt:10,20", 10],
    ["#chapter&t=5", 5],
    ["", null],
    ["#t=", null],
    ["#t=soon", null],
    ["#t=-5", null],
    ["#90", null],
  ])("an address with %j begins at %j", (hash, seconds) => {
    expect(startOf(hash)).toBe(seconds);
  });
});

describe("the seek bar", () => {
  test("a place on it is a time, and back, never beyond its ends", () => {
    const bar = { left: 100, width: 400 };
    expect(timeAt(100, bar, 60)).toBe(0);
    expect(timeAt(300, bar, 60)).toBe(30);
    expect(timeAt(20, bar, 60)).toBe(0);
    expect(timeAt(900, bar, 60)).toBe(60);
    expect(timeAt(300, { left: 0, width: 0 }, 60)).toBe(0);
    expect(shareOf(30, 60)).toBe(0.5);
    expect(shareOf(61, 60)).toBe(1);
    expect(shareOf(5, 0)).toBe(0);
  });

  test("each time has its tile, the last one to the end", () => {
    const board = { url: "", columns: 3, rows: 2, tile_width: 160, tile_height: 90, count: 5, step: 10 };
    expect(tileAt(board, 0)).toEqual({ x: 0, y: 0 });
    expect(tileAt(board, 9.9)).toEqual({ x: 0, y: 0 });
    expect(tileAt(board, 25)).toEqual({ x: 320, y: 0 });
    expect(tileAt(board, 30)).toEqual({ x: 0, y: 90 });
    expect(tileAt(board, 999)).toEqual({ x: 160, y: 90 });
  });

  test("the nearest gap within reach is meant", () => {
    const gaps: Gap[] = [
      { at: 10, duration: 2, cause: "disk" },
      { at: 14, duration: 9, cause: "publisher_away" },
    ];
    expect(gapNear(gaps, 13, 5)).toBe(gaps[1]);
    expect(gapNear(gaps, 11, 5)).toBe(gaps[0]);
    expect(gapNear(gaps, 30, 5)).toBeNull();
  });

  test("gaps are told in words", () => {
    expect(gapWords({ at: 60, duration: 12, cause: "publisher_away" })).toBe(
      "12 seconds are missing: the publisher was away",
    );
    expect(gapWords({ at: 60, duration: 1.2, cause: "worker_away" })).toBe(
      "1 second is missing: the media worker was away",
    );
    expect(gapWords({ at: 60, duration: 0.4, cause: "disk" })).toContain("less than a second is missing");
    expect(gapList([{ at: 60, duration: 12, cause: "upload_lost" }])).toMatch(
      /^At 1:00, 12 seconds are missing: .*\.$/,
    );
  });
});

describe("tracks that come and go", () => {
  const part = (duration: number, codecs: string) => ({ duration, codecs });
  test("only where pictures or sound begin or end there is a seam", () => {
    const both = "avc1.64001f,mp4a.40.2";
    expect(seamsOf([part(10, both), part(5, "avc1.640028,mp4a.40.2"), part(7, both)])).toEqual([]);
    expect(seamsOf([part(1.5, "avc1.64001f"), part(60, both), part(5, "mp4a.40.2")])).toEqual([1.5, 61.5]);
    expect(seamsOf([])).toEqual([]);
  });

  test("every time lies in one stretch between two seams", () => {
    expect(stretchAt([10, 20], 0)).toEqual({ from: 0, to: 10 });
    expect(stretchAt([10, 20], 10)).toEqual({ from: 10, to: 20 });
    expect(stretchAt([10, 20], 99)).toEqual({ from: 20, to: Number.POSITIVE_INFINITY });
    expect(stretchAt([], 5)).toEqual({ from: 0, to: Number.POSITIVE_INFINITY });
  });
});

test("two taps at a side leap, in the middle nowhere", () => {
  expect([0.1, 0.5, 0.9].map(leapAt)).toEqual([-10, 0, 10]);
});

test("only an error covers the picture, and each has its words", () => {
  for (const phase of ["poster", "loading", "playing", "buffering", "ended"] as const) {
    expect(vodWords({ phase, problem: null })).toBeNull();
  }
  for (const problem of ["gone", "unreachable", "unsupported", "media"] as const) {
    expect(vodWords({ phase: "error", problem })?.title).toBeTruthy();
  }
});

describe("where the viewer left off", () => {
  let stored: Map<string, string>;
  beforeEach(() => {
    stored = new Map();
    vi.stubGlobal("localStorage", {
      getItem: (key: string) => stored.get(key) ?? null,
      setItem: (key: string, value: string) => stored.set(key, value),
    });
  });
  afterEach(() => vi.unstubAllGlobals());

  test("is kept for each recording", () => {
    keepPosition("vod_a", 90.7, 600);
    keepPosition("vod_b", 30, 600);
    expect(positionOf("vod_a", 600)).toBe(90);
    expect(positionOf("vod_b", 600)).toBe(30);
    expect(positionOf("vod_c", 600)).toBeNull();
  });

  test("is forgotten near the start and the end", () => {
    keepPosition("vod_a", 300, 600);
    keepPosition("vod_a", 3, 600);
    expect(positionOf("vod_a", 600)).toBeNull();
    keepPosition("vod_a", 300, 600);
    keepPosition("vod_a", 595, 600);
    expect(positionOf("vod_a", 600)).toBeNull();
    // It may have become shorter meanwhile.
    keepPosition("vod_a", 300, 600);
    expect(positionOf("vod_a", 305)).toBeNull();
  });

  test("is kept for the last hundred only, the newest of them", () => {
    for (let n = 0; n < 130; n += 1) keepPosition(`vod_${n}`, 60, 600);
    keepPosition("vod_50", 70, 600);
    expect(positionOf("vod_129", 600)).toBe(60);
    expect(positionOf("vod_50", 600)).toBe(70);
    expect(positionOf("vod_29", 600)).toBeNull();
    expect(JSON.parse([...stored.values()][0] ?? "[]")).toHaveLength(100);
  });

  test("is nothing where storage is refused or holds something else", () => {
    stored.set("sluice.positions", '{"vod_a":5}');
    expect(positionOf("vod_a", 600)).toBeNull();
    stored.set("sluice.positions", "no JSON");
    expect(positionOf("vod_a", 600)).toBeNull();
    vi.stubGlobal("localStorage", {
      getItem: () => {
        throw new Error("refused");
      },
      setItem: () => {
        throw new Error("refused");
      },
    });
    expect(positionOf("vod_a", 600)).toBeNull();
    expect(() => keepPosition("vod_a", 60, 600)).not.toThrow();
  });
});

describe("keys", () => {
  class FakeElement {
    readonly matching: string[];
    constructor(matching: string[] = []) {
      this.matching = matching;
    }
    closest(selector: string) {
      return this.matching.some((each) => selector.includes(each)) ? this : null;
    }
    contains(other: unknown) {
      return other === this || other instanceof FakeElement;
    }
  }
  beforeEach(() => {
    vi.stubGlobal("Element", FakeElement);
    vi.stubGlobal("HTMLInputElement", class {});
    vi.stubGlobal("document", { body: {} });
  });
  afterEach(() => vi.unstubAllGlobals());

  /** What pressing `key` in the player (or somewhere on the page) does. */
  function pressed(key: string, where: FakeElement | null = new FakeElement()): string | null {
    const done: string[] = [];
    const actions = new Proxy({} as VodKeyActions, {
      get: (_target, name) => (argument?: number) => done.push(`${String(name)} ${argument ?? ""}`.trim()),
    });
    const event = { key, repeat: false, altKey: false, ctrlKey: false, metaKey: false, defaultPrevented: false };
    const root = new FakeElement() as unknown as Element;
    vodKeyAction({ ...event, target: where } as unknown as KeyboardEvent, root)?.(actions);
    return done[0] ?? null;
  }

  test.each([
    ["ArrowRight", "seek 5"],
    ["ArrowLeft", "seek -5"],
    ["j", "seek -10"],
    ["l", "seek 10"],
    ["Home", "seekToShare 0"],
    ["End", "seekToShare 1"],
    ["0", "seekToShare 0"],
    ["7", "seekToShare 0.7"],
    ["k", "togglePlay"],
    [" ", "togglePlay"],
    ["m", "toggleMute"],
    ["f", "toggleFullscreen"],
    [">", "changeSpeed 1"],
    ["x", null],
  ])("%j: %j", (key, done) => {
    expect(pressed(key)).toBe(done);
  });

  test("on the page beside the player, what scrolls goes on scrolling", () => {
    for (const key of ["Home", "End", "ArrowLeft"]) expect(pressed(key, null)).toBeNull();
    expect(pressed("5", null)).toBe("seekToShare 0.5");
  });

  test("what is typed into a field is no command", () => {
    for (const key of ["5", "j", " "]) expect(pressed(key, new FakeElement(["textarea"]))).toBeNull();
  });
});
