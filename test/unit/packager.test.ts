/** Segments and parts cut from access units, read back by the follower's own reader. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { TimedUnit } from "../../media-worker/live/reader.ts";
import { audioTrack, type Tracks } from "../../media-worker/live/tracks.ts";
import { HlsOutput } from "../../media-worker/packager/hls-output.ts";
import { checkSegments, type FollowedSegment } from "../harness/hls-follow.ts";
import { stretches } from "../harness/hls-media.ts";
import { PlaylistRules } from "../harness/hls-rules.ts";
import { parseMaster } from "../harness/m3u8.ts";
import { durationOf, readFragments } from "../harness/mp4.ts";
import {
  AUDIO,
  BOTH,
  fetchFrom,
  followed,
  GRANT,
  interleaved,
  mediaOf,
  pictures,
  sound,
  VIDEO,
} from "../harness/synthetic-media.ts";

const NOW = Date.UTC(2026, 0, 1);

type Watched = { segments: FollowedSegment[]; violations: string[]; output: HlsOutput; parts: Map<string, Buffer> };

/** Packages units one by one and reads every playlist on the way, as a player would that is always quick enough. */
async function watch(
  tracks: Tracks,
  units: TimedUnit[],
  { gop = null as number | null, partMs = 500, end = true } = {},
): Promise<Watched> {
  const output = new HlsOutput(partMs, null);
  output.session({ ...GRANT, last_target_duration_s: gop });
  output.timeline(tracks, NOW);
  return read(output, units, end);
}

async function read(output: HlsOutput, units: TimedUnit[], end: boolean): Promise<Watched> {
  const rules = new PlaylistRules();
  const segments: FollowedSegment[] = [];
  const parts = new Map<string, Buffer>();
  let seen = "";
  const look = async () => {
    const text = output.media?.plain.toString() ?? "";
    if (text === seen) return;
    seen = text;
    const list = mediaOf(output);
    rules.feed(list);
    for (const part of [...list.open.parts, ...list.segments.flatMap((segment) => segment.parts)]) {
      if (!parts.has(part.uri)) parts.set(part.uri, (await fetchFrom(output, part.uri)) ?? Buffer.alloc(0));
    }
    for (const segment of list.segments) {
      if (!segments.some(({ msn }) => msn === segment.msn)) segments.push(await followed(output, segment));
    }
  };
  for (const unit of units) {
    output.unit(unit);
    await look();
  }
  if (end) {
    output.finish();
    await look();
  }
  const violations = [...rules.violations];
  checkSegments(segments, mediaOf(output), parts, (text) => violations.push(text));
  return { segments, violations, output, parts };
}

/** To a hundredth: RTMP's times are milliseconds. */
const durations = (segments: FollowedSegment[]) => segments.map(({ duration }) => Math.round(duration * 100) / 100);

/** Delays audio against the video it belongs to, as some encoders send it. */
const late = (units: TimedUnit[], seconds: number) =>
  units
    .map((unit) => ({ unit, at: unit.kind === "video" ? unit.time / 90_000 : unit.time / 48_000 + seconds }))
    .sort((a, b) => a.at - b.at)
    .map(({ unit }) => unit);

describe("where segments are cut", () => {
  test("the first one early, so that players can start; then at each IDR picture of a 2 s GOP", async () => {
    const { segments, violations, output } = await watch(BOTH, interleaved(pictures({ seconds: 9 }), sound(9)));
    expect(violations).toEqual([]);
    expect(durations(segments)).toEqual([1, 1, 2, 2, 2, 1]);
    expect(segments.map(({ startsWithSync }) => startsWithSync)).toEqual([true, false, true, true, true, true]);
    expect(mediaOf(output)).toMatchObject({ targetDuration: 2, independentSegments: false });
  });

  test("GOPs of 1 s: two to a segment, all independent", async () => {
    const units = pictures({ seconds: 9, key: (n) => n % 30 === 0 });
    const { segments, violations, output } = await watch(VIDEO, units);
    expect(violations).toEqual([]);
    expect(durations(segments)).toEqual([1, 2, 2, 2, 2]);
    expect(mediaOf(output).independentSegments).toBe(true);
  });

  test.each([
    [10, 6],
    [4, 4],
    [2.002, 2],
    [0.5, 2],
    [2.5, 3],
  ])("the GOP of last time was %d s: target duration %d s", async (gop, target) => {
    const { output } = await watch(VIDEO, pictures({ seconds: 3 }), { gop });
    expect(mediaOf(output).targetDuration).toBe(target);
  });

  test("a GOP of 4 s, known: whole GOPs after the first", async () => {
    const units = pictures({ seconds: 13, key: (n) => n % 120 === 0 });
    expect(durations((await watch(VIDEO, units, { gop: 4 })).segments)).toEqual([1, 3, 4, 4, 1]);
  });

  test("a GOP of 5 s, unknown: cut at the target without an IDR picture", async () => {
    const units = pictures({ seconds: 11, key: (n) => n % 150 === 0 });
    const { segments, violations } = await watch(VIDEO, units);
    expect(violations).toEqual([]);
    expect(Math.max(...durations(segments))).toBeLessThan(2.5);
    expect(segments.some(({ programDateTime }) => programDateTime === NOW + 5000)).toBe(true);
  });

  test("an IDR picture a little late is waited for", async () => {
    const units = pictures({ seconds: 9, key: (n) => n % 63 === 0 });
    const { segments } = await watch(VIDEO, units, { gop: 2 });
    expect(durations(segments).slice(1, 4)).toEqual([1.1, 2.1, 2.1]);
  });

  test("no IDR picture after the first: cut by time, and the next broadcast knows", async () => {
    const { segments, violations, output } = await watch(VIDEO, pictures({ seconds: 20, key: (n) => n === 0 }));
    expect(violations).toEqual([]);
    expect(Math.max(...durations(segments))).toBeLessThan(2.5);
    expect(output.gop).toBeGreaterThan(15);
  });

  test("one long GOP among short ones is forgotten by the next broadcast", async () => {
    const { output } = await watch(VIDEO, pictures({ seconds: 24, key: (n) => n % 60 === 0 && (n <= 60 || n >= 300) }));
    expect(output.gop).toBe(2);
  });

  test("more than 8 MB", async () => {
    const { segments } = await watch(VIDEO, pictures({ seconds: 3, bytes: 400_000 }), { gop: 2 });
    expect(Math.max(...segments.map(({ bytes }) => bytes.length))).toBeLessThan(9e6);
  });

  test("audio alone: by time", async () => {
    const { segments, violations } = await watch(AUDIO, sound(9));
    expect(violations).toEqual([]);
    for (const duration of durations(segments).slice(1, -1)) expect(duration).toBeCloseTo(2, 1);
    expect(durations(segments)[0]).toBeCloseTo(1, 1);
    expect(stretches(segments)[0]!.audio.length).toBe(sound(9).length);
  });
});

describe("parts", () => {
  test.each([200, 333, 500, 1000])("of %d ms: none is short but the last of its segment", async (partMs) => {
    const { violations, parts } = await watch(BOTH, interleaved(pictures({ seconds: 9 }), sound(9)), { partMs });
    expect(violations).toEqual([]);
    expect(parts.size).toBeGreaterThan(9000 / partMs - 1);
  });

  test.each([
    ["1588", 8_000, 500, 0.512],
    ["1388", 22_050, 500, 0.5],
    ["1190", 48_000, 100, 0.1],
  ])("audio frames that do not fit (%s)", async (config, rate, partMs, expected) => {
    const tracks = { video: null, audio: audioTrack(Buffer.from(config, "hex")) };
    expect(tracks.audio.parameters.coreRate).toBe(rate);
    const frames = Array.from({ length: Math.floor((9 * rate) / 1024) }, (_, n) => n * 1024);
    const units = frames.map((time): TimedUnit => ({ kind: "audio", time, duration: 1024, data: Buffer.alloc(50) }));
    const { violations, output } = await watch(tracks, units, { partMs });
    expect(violations).toEqual([]);
    expect(mediaOf(output).partTarget).toBe(expected);
  });

  test.each([0, 0.02, 0.1, 0.25])("audio sent %d s late is in the part it belongs to", async (seconds) => {
    const units = late(interleaved(pictures({ seconds: 9 }), sound(9)), seconds);
    const { violations, segments, parts } = await watch(BOTH, units);
    expect(violations).toEqual([]);
    expect(stretches(segments)[0]!.audio.length).toBe(sound(9).length);
    for (const [name, bytes] of [...parts].slice(0, -1)) {
      const [video, audio] = readFragments(bytes, segments[0]!.tracks);
      const end = (fragment = video!) => (fragment.decodeTime + durationOf(fragment)) / fragment.track.timescale;
      expect([name, end(audio) >= end() && end(audio) < end() + 0.022]).toEqual([name, true]);
    }
  });

  test("audio that does not come holds nothing up for long", async () => {
    const output = new HlsOutput(500, null);
    output.session(GRANT);
    output.timeline(BOTH, NOW);
    for (const unit of pictures({ seconds: 1.4 })) output.unit(unit);
    expect(output.playable).toBe(true);
  });

  test("INDEPENDENT=YES exactly where there is an IDR picture", async () => {
    const { output } = await watch(VIDEO, pictures({ seconds: 5 }), { end: false });
    const flags = mediaOf(output).segments.flatMap(({ parts }) => parts.map(({ independent }) => independent));
    expect(flags.slice(0, 8)).toEqual([true, false, false, false, true, false, false, false]);
  });

  test("few frames a second: parts as long as frames, from the start", async () => {
    const units = pictures({ seconds: 12, interval: () => 1000, key: (n) => n % 4 === 0 });
    const { output, segments, violations } = await watch(VIDEO, units);
    expect(violations).toEqual([]);
    expect(mediaOf(output).partTarget).toBe(1);
    expect(stretches(segments)[0]!.video.length).toBe(units.length);
  });

  test("frames that stop for seconds and come again: shown when they should be", async () => {
    const units = pictures({ seconds: 16, interval: (n) => (n === 150 ? 3000 : 33), key: (n) => n % 30 === 0 });
    const { segments, violations } = await watch(VIDEO, units);
    expect(violations).toEqual([]);
    const shown = stretches(segments).flatMap(({ video }) => video.map(({ pts }) => Math.round(pts * 90_000)));
    expect(shown).toEqual(units.map(({ time }) => time));
  });

  test("whatever the frames do, the rules hold and no frame is lost", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 30, maxLength: 120 }),
        fc.integer({ min: 1, max: 80 }),
        fc.constantFrom(200, 500),
        fc.boolean(),
        async (intervals, gop, partMs, withAudio) => {
          const video = pictures({
            seconds: intervals.reduce((a, b) => a + b, 0) / 1000,
            interval: (n) => intervals[n] ?? 33,
            key: (n) => n % gop === 0,
            bytes: 20,
          });
          const units = withAudio ? interleaved(video, sound(video.at(-1)!.time / 90_000, 10)) : video;
          const { segments, violations } = await watch(withAudio ? BOTH : VIDEO, units, { partMs });
          expect(violations).toEqual([]);
          const all = stretches(segments);
          expect(all.reduce((sum, each) => sum + each.video.length, 0)).toBe(video.length);
          if (all.length === 1) {
            const shown = all[0]!.video.map(({ pts }) => pts);
            shown.forEach((pts, i) => {
              expect(pts).toBeCloseTo(video[i]!.time / 90_000, 4);
            });
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("over discontinuities", () => {
  /** Three timelines in two sessions. */
  async function broken() {
    const output = new HlsOutput(500, null);
    output.session(GRANT);
    output.timeline(BOTH, NOW);
    const first = await read(output, interleaved(pictures({ seconds: 5 }), sound(5)), false);
    output.timeline(VIDEO, NOW + 5000);
    const second = await read(output, pictures({ seconds: 4 }), false);
    output.end();
    output.session({ ...GRANT, epoch: "e2", first_msn: 99 });
    output.timeline(BOTH, NOW + 12_000);
    const third = await read(output, interleaved(pictures({ seconds: 5 }), sound(5)), true);
    return { output, all: [first, second, third] };
  }

  test("numbers go on, each stretch has its MAP, dates follow the clock", async () => {
    const { output, all } = await broken();
    expect(all.flatMap(({ violations }) => violations)).toEqual([]);
    const list = mediaOf(output);
    expect(list.segments.map(({ msn }) => msn)).toEqual([4, 5, 6, 7, 8, 9]);
    const [start] = list.segments.filter(({ map }) => map === "e2-init0.mp4");
    expect(start).toMatchObject({ discontinuity: true, programDateTime: NOW + 12_000 });
    expect(output.discontinuitySequence).toBe(2);
    expect(list.discontinuitySequence).toBe(0);
  });

  test("after ENDLIST a new broadcast begins anew, with numbers that go on", async () => {
    const { output } = await broken();
    const next = output.nextMsn;
    output.session({ ...GRANT, epoch: "e3", first_msn: 4, discontinuity_sequence: 1 });
    output.timeline(BOTH, NOW + 90_000);
    expect(output.media).toBeNull();
    const { segments } = await read(output, interleaved(pictures({ seconds: 5 }), sound(5)), false);
    expect(segments[0]).toMatchObject({ msn: next, discontinuity: false, map: "e3-init0.mp4" });
    expect(mediaOf(output)).toMatchObject({ mediaSequence: next, discontinuitySequence: 3, ended: false });
  });

  test("a worker without the window starts where the control plane says", async () => {
    const output = new HlsOutput(500, null);
    output.session({ ...GRANT, first_msn: 41, discontinuity_sequence: 7 });
    output.timeline(VIDEO, NOW);
    await read(output, pictures({ seconds: 5 }), false);
    expect(mediaOf(output)).toMatchObject({ mediaSequence: 41, discontinuitySequence: 7 });
    expect(mediaOf(output).segments[0]?.discontinuity).toBe(false);
  });

  test("the stream was elsewhere meanwhile: this window is not continued", async () => {
    const { output } = await watch(VIDEO, pictures({ seconds: 5 }), { end: false });
    output.moved();
    output.end();
    output.session({ ...GRANT, epoch: "e2", first_msn: 50, discontinuity_sequence: 3 });
    output.timeline(VIDEO, NOW + 20_000);
    await read(output, pictures({ seconds: 5 }), false);
    expect(mediaOf(output)).toMatchObject({ mediaSequence: 50, discontinuitySequence: 3 });
  });
});

describe("the window", () => {
  test("six segments; removed ones stay fetchable for one window more", async () => {
    const { output } = await watch(VIDEO, pictures({ seconds: 60, bytes: 10 }), { end: false });
    const list = mediaOf(output);
    expect(list.segments.length).toBe(6);
    const there = (msn: number) => output.find(`e1-${msn}.m4s`).found;
    expect(there(list.mediaSequence - 1)).toBe("data");
    expect(there(list.mediaSequence - 6)).toBe("data");
    expect(there(list.mediaSequence - 10)).toBe("nothing");
    expect(output.find(`e1-${list.mediaSequence - 1}.0.m4s`).found).toBe("data");
  });

  test("three target durations at least, however short segments are", async () => {
    const { output } = await watch(VIDEO, pictures({ seconds: 5 }), { end: false });
    for (let n = 0; n < 20; n++) {
      output.timeline(VIDEO, NOW + n * 500);
      for (const unit of pictures({ seconds: 0.5 })) output.unit(unit);
    }
    const complete = mediaOf(output).segments;
    expect(complete.length).toBeGreaterThan(6);
    expect(complete.reduce((sum, { duration }) => sum + duration, 0)).toBeGreaterThanOrEqual(5.5);
  });

  test("the part to come is announced and awaited under its name", async () => {
    const { output } = await watch(VIDEO, pictures({ seconds: 5.2 }), { end: false });
    const hint = mediaOf(output).preloadHint;
    expect(hint).toBe("e1-4.2.m4s");
    expect(output.find(hint ?? "").found).toBe("pending");
    expect(output.find("e1-4.3.m4s").found).toBe("nothing");
    output.end();
    expect(mediaOf(output)).toMatchObject({ preloadHint: null, open: { discontinuity: true } });
    expect(output.find("e1-4.2.m4s").found).toBe("data");
  });

  test.each([
    "e1-0",
    "e1-0.m4s/",
    "e9-0.m4s",
    "e1-init1.mp4",
    "../e1-0.m4s",
    "e1-99999999999999999.m4s",
    "",
    "e1--1.m4s",
  ])("nothing under %j", async (name) => {
    const { output } = await watch(VIDEO, pictures({ seconds: 5 }));
    expect(output.find(name).found).toBe("nothing");
  });
});

describe("the multivariant playlist", () => {
  test("names codecs, size, rate, and bit rates that the segments keep to", async () => {
    const { output, segments } = await watch(BOTH, interleaved(pictures({ seconds: 9 }), sound(9)));
    const [variant] = parseMaster(output.multivariant?.plain.toString() ?? "").variants;
    expect(variant).toMatchObject({
      uri: "source.m3u8",
      codecs: ["avc1.42c00d", "mp4a.40.2"],
      resolution: { width: 320, height: 180 },
      frameRate: 30,
    });
    for (const { bytes, duration } of segments) {
      expect(variant!.bandwidth).toBeGreaterThanOrEqual((bytes.length * 8) / duration);
    }
    expect(variant!.averageBandwidth).toBeLessThanOrEqual(variant!.bandwidth);
  });

  test.each([
    [60, 60],
    [29.97, 29.97],
    [24, 24],
    [12.5, 12.5],
  ])("a frame rate of %d that nobody says is counted", async (rate, expected) => {
    const tracks = { video: { ...VIDEO.video!, frameRate: null }, audio: BOTH.audio };
    const interval = (n: number) => Math.round(((n + 1) * 1000) / rate) - Math.round((n * 1000) / rate);
    const { output } = await watch(tracks, late(interleaved(pictures({ seconds: 4, interval }), sound(4)), 0.25));
    const [variant] = parseMaster(output.multivariant?.plain.toString() ?? "").variants;
    expect(variant!.frameRate).toBeCloseTo(expected, 1);
  });

  test("nothing before there is a part; then a bit rate that the first segment keeps to", async () => {
    const output = new HlsOutput(500, null);
    output.session(GRANT);
    output.timeline(VIDEO, NOW);
    const units = pictures({ seconds: 1.2 });
    for (const unit of units.slice(0, 12)) output.unit(unit);
    expect([output.playable, output.starting, output.media, output.multivariant]).toEqual([false, true, null, null]);
    for (const unit of units.slice(12, 27)) output.unit(unit);
    expect([output.playable, output.starting, output.target]).toEqual([false, true, 2]);
    const [early] = parseMaster(output.multivariant?.plain.toString() ?? "").variants;
    for (const unit of units.slice(27)) output.unit(unit);
    expect(output.playable).toBe(true);
    const [segment] = mediaOf(output).segments;
    const found = output.find(segment!.uri);
    const bytes = found.found === "data" ? found.data.reduce((sum, data) => sum + data.length, 0) : 0;
    expect(early!.bandwidth).toBeGreaterThanOrEqual((bytes * 8) / segment!.duration);
  });
});

describe("blocking reloads", () => {
  const at = async () =>
    (await watch(VIDEO, pictures({ seconds: 5.6, key: (n) => n % 30 === 0 }), { end: false })).output;
  // Segments 1 to 3 are complete; of segment 4, half a second.
  test.each([
    [1, undefined, "there"],
    [3, undefined, "there"],
    [3, 0, "there"],
    [3, 9, "there"],
    [4, undefined, "ahead"],
    [4, 0, "there"],
    [4, 1, "ahead"],
    [4, 7, "too_far"],
    [5, undefined, "ahead"],
    [5, 0, "ahead"],
    [6, undefined, "too_far"],
    [6, 0, "too_far"],
  ] as const)("segment %d, part %s: %s", async (msn, part, expected) => {
    expect((await at()).reach(msn, part)).toBe(expected);
  });

  test("waiters hear of a segment's last part and its completion together", async () => {
    const output = await at();
    const heard: number[] = [];
    output.changes.wait(() => {
      heard.push(mediaOf(output).segments.length);
      return false;
    });
    for (const unit of pictures({ seconds: 2, key: (n) => n % 30 === 0 })) {
      output.unit({ ...unit, time: unit.time + 5.6 * 90_000 });
      await Promise.resolve();
    }
    expect(heard).toEqual([3, 3, 4, 4]);
  });
});
