/** How a part is cut into fragments, read back by a parser of our own. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { TimedUnit } from "../../media-worker/live/reader.ts";
import { audioTrack, type Tracks } from "../../media-worker/live/tracks.ts";
import { parameterSets } from "../../media-worker/packager/avc.ts";
import { fileHeader } from "../../media-worker/packager/init-segment.ts";
import { type CutFragment, FragmentCutter } from "../../media-worker/recorder/fragment-cutter.ts";
import { boxes, durationOf, type Fragment, readFragments, readInit } from "../harness/mp4.ts";
import { AUDIO, AVC_RECORD, BOTH, interleaved, pictures, sound, VIDEO } from "../harness/synthetic-media.ts";

type TrackCut = { begins: number; ends: number; samples: number };
type Cut = { logged: CutFragment[]; fragments: { seconds: number; video?: Fragment; audio?: Fragment }[] };

/** Cuts timelines that follow each other on unrelated clocks. */
function cut(tracks: Tracks, ...timelines: TimedUnit[][]): Cut {
  const logged: CutFragment[] = [];
  const cutter = new FragmentCutter(tracks, (fragment) => logged.push(fragment));
  timelines.forEach((units, n) => {
    if (n > 0) cutter.jump();
    for (const unit of units) cutter.unit(unit);
  });
  cutter.flush();
  const known = readInit(fileHeader(tracks));
  const timescale = tracks.video ? 90_000 : tracks.audio!.parameters.coreRate;
  const fragments = logged.map(({ data, ticks, bytes }) => {
    expect(data.length).toBe(bytes);
    const read = readFragments(data, known);
    return {
      seconds: ticks / timescale,
      video: read.find(({ track }) => track.kind === "video")!,
      audio: read.find(({ track }) => track.kind === "audio")!,
    };
  });
  return { logged, fragments };
}

/** A track's fragments follow each other without a gap or an overlap. */
function trackOf({ fragments }: Cut, kind: "video" | "audio"): TrackCut {
  const own = fragments.flatMap((fragment) => fragment[kind] ?? []);
  let end = own[0]?.decodeTime ?? 0;
  for (const fragment of own) {
    expect(fragment.decodeTime).toBe(end);
    end += durationOf(fragment);
  }
  const timescale = own[0]?.track.timescale ?? 1;
  const samples = own.reduce((sum, fragment) => sum + fragment.samples.length, 0);
  return { begins: (own[0]?.decodeTime ?? 0) / timescale, ends: end / timescale, samples };
}

const keys = ({ logged }: Cut) => logged.map(({ key }) => (key ? "K" : "-")).join("");
const lengths = ({ fragments }: Cut) => fragments.map(({ seconds }) => Math.round(seconds * 100) / 100);
const count = (units: TimedUnit[], kind: string) => units.filter((unit) => unit.kind === kind).length;

describe("fragments", () => {
  test("half a second each, and one at every keyframe", () => {
    const units = interleaved(pictures({ seconds: 6 }), sound(6));
    const made = cut(BOTH, units);
    expect(keys(made)).toBe("K---K---K---");
    expect(lengths(made).every((seconds) => Math.abs(seconds - 0.5) < 0.04)).toBe(true);
    expect(trackOf(made, "video")).toMatchObject({ begins: 0, samples: 180 });
    expect(trackOf(made, "audio")).toMatchObject({ begins: 0, samples: count(units, "audio") });
    for (const { video, audio } of made.fragments) {
      const apart = video!.decodeTime / 90_000 - audio!.decodeTime / 48_000;
      expect(Math.abs(apart)).toBeLessThan(0.022);
    }
    expect(made.fragments.map(({ video }) => video!.sequence)).toEqual(made.fragments.map((_, n) => n + 1));
  });

  test("keyframes that do not fit half seconds", () => {
    const made = cut(VIDEO, pictures({ seconds: 6, key: (n) => n % 36 === 0 }));
    expect(keys(made)).toBe("K--K--K--K--K--");
    expect(lengths(made).slice(0, 3)).toEqual([0.5, 0.5, 0.2]);
  });

  test("nothing but keyframes: several in a fragment", () => {
    const made = cut(VIDEO, pictures({ seconds: 3, key: () => true }));
    expect(keys(made)).toMatch(/^K+$/);
    expect(made.logged.length).toBeLessThanOrEqual(12);
    expect(trackOf(made, "video").samples).toBe(90);
  });

  test("one keyframe for a minute", () => {
    const made = cut(VIDEO, pictures({ seconds: 60, key: (n) => n === 0 }));
    expect(keys(made)).toMatch(/^K-{119}$/);
  });

  test("one picture a second, and one alone", () => {
    const slow = cut(VIDEO, pictures({ seconds: 5, interval: () => 1000, key: () => true }));
    expect(lengths(slow)).toEqual([1, 1, 1, 1, 1]);
    expect(cut(VIDEO, pictures({ seconds: 0.01 })).logged).toHaveLength(1);
  });

  test("pictures too large for half a second of them", () => {
    const made = cut(VIDEO, pictures({ seconds: 1, bytes: 1_500_000 }));
    expect(Math.max(...made.logged.map(({ bytes }) => bytes))).toBeLessThan(4.2e6);
    expect(trackOf(made, "video").samples).toBe(30);
  });

  test("B-frames keep their composition offsets", () => {
    const offsets = [6000, 15_000, 6000, 0, 3000];
    const units = pictures({ seconds: 2 }).map((unit, n) => ({ ...unit, cts: offsets[n % 5]! }) as TimedUnit);
    const made = cut(VIDEO, units);
    const read = made.fragments.flatMap(({ video }) => video!.samples.map((sample) => sample.compositionOffset));
    expect(read).toEqual(units.map((_, n) => offsets[n % 5]));
  });

  test("each byte of each unit, in order", () => {
    const units = interleaved(pictures({ seconds: 2 }), sound(2));
    const { logged } = cut(BOTH, units);
    const all = Buffer.concat(logged.map(({ data }) => data));
    for (const unit of units) expect(all.includes(unit.data)).toBe(true);
  });
});

describe("parameter sets", () => {
  const nal = (...bytes: number[]) => Buffer.of(0, 0, 0, bytes.length, ...bytes);
  const [sps, pps] = parameterSets(AVC_RECORD).map((set) => nal(...set));
  const own = Buffer.concat([sps!, pps!]);
  const [idr, slice, delimiter] = [nal(0x65, 1, 2, 3), nal(0x41, 4, 5), nal(0x09, 0x10)];
  const media = (...first: Buffer[]) =>
    pictures({ seconds: 1, key: (n) => n % 15 === 0 }).map(
      (unit, n) => ({ ...unit, data: n % 15 === 0 ? Buffer.concat(first) : slice }) as TimedUnit,
    );
  /** The samples of the first fragment that each begins with. */
  const samples = (units: TimedUnit[]) =>
    cut(VIDEO, units).logged.map(({ data }) => data.subarray(boxes(data).find(({ type }) => type === "mdat")!.start));

  test("go in front of the keyframe that a fragment begins with", () => {
    const made = samples(media(idr));
    expect(made).toHaveLength(2);
    for (const bytes of made) {
      expect(bytes.subarray(0, own.length + idr.length)).toEqual(Buffer.concat([own, idr]));
      expect(bytes.indexOf(sps!, 1)).toBe(-1);
    }
  });

  test("but behind its delimiter", () => {
    const whole = Buffer.concat([delimiter, own, idr]);
    for (const bytes of samples(media(delimiter, idr))) expect(bytes.subarray(0, whole.length)).toEqual(whole);
  });

  test("not twice", () => {
    for (const bytes of samples(media(delimiter, sps!, pps!, idr))) expect(bytes.indexOf(sps!, 15)).toBe(-1);
  });
});

describe("audio", () => {
  test("alone is cut by time; every fragment can be begun with", () => {
    const made = cut(AUDIO, sound(5));
    expect(keys(made)).toMatch(/^K{10,11}$/);
    expect(Math.max(...lengths(made))).toBeLessThanOrEqual(0.5);
    expect(trackOf(made, "audio")).toMatchObject({ begins: 0, samples: sound(5).length });
  });

  test.each([0.02, 0.1, 0.25])("%d s late lies with its pictures", (seconds) => {
    const late = interleaved(
      pictures({ seconds: 4 }),
      sound(4).map((unit) => ({ ...unit, time: unit.time + seconds * 48_000 }) as TimedUnit),
    ).map((unit) => (unit.kind === "audio" ? { ...unit, time: unit.time - seconds * 48_000 } : unit));
    const made = cut(BOTH, late);
    for (const { video, audio } of made.fragments.slice(0, -1)) {
      expect(Math.abs(video!.decodeTime / 90_000 - audio!.decodeTime / 48_000)).toBeLessThan(0.022);
    }
    expect(trackOf(made, "audio").samples).toBe(sound(4).length);
  });

  test("that never comes holds nothing up", () => {
    const made: CutFragment[] = [];
    const cutter = new FragmentCutter(BOTH, (fragment) => made.push(fragment));
    for (const unit of pictures({ seconds: 1.4 })) cutter.unit(unit);
    expect(made).toHaveLength(2);
  });

  test("from before the first picture is shown is left out, so that both begin together", () => {
    const delayed = pictures({ seconds: 2 }).map((unit) => ({ ...unit, cts: 9000 }) as TimedUnit);
    const { begins } = trackOf(cut(BOTH, interleaved(delayed, sound(2))), "audio");
    expect(begins).toBeGreaterThan(0.1 - 0.022);
    expect(begins).toBeLessThan(0.122);
  });

  test("before any picture has no place", () => {
    const made = cut(BOTH, [...sound(0.3), ...pictures({ seconds: 2 })]);
    expect(trackOf(made, "audio").samples).toBe(0);
  });

  test.each([
    ["8 kHz", "1588", 8_000],
    ["22.05 kHz", "1388", 22_050],
  ])("of %s", (_, config, rate) => {
    const tracks = { video: null, audio: audioTrack(Buffer.from(config, "hex")) };
    const frames = Array.from({ length: Math.floor((5 * rate) / 1024) }, (__, n) => n * 1024);
    const units = frames.map((time): TimedUnit => ({ kind: "audio", time, duration: 1024, data: Buffer.alloc(50) }));
    const made = cut(tracks, units);
    expect(trackOf(made, "audio").samples).toBe(frames.length);
    expect(Math.max(...lengths(made))).toBeLessThanOrEqual(0.5);
  });
});

describe("a jump of the publisher's clock", () => {
  const timeline = (seconds: number) => interleaved(pictures({ seconds }), sound(seconds));

  test("goes on where both tracks have ended", () => {
    const made = cut(BOTH, timeline(2), timeline(2), timeline(2));
    const [video, audio] = [trackOf(made, "video"), trackOf(made, "audio")];
    expect(video.ends).toBeGreaterThan(5.99);
    expect(Math.abs(video.ends - audio.ends)).toBeLessThan(0.1);
    expect(keys(made).replaceAll("-", "")).toBe("KKK");
  });

  test.each([
    ["audio that is ahead", 2, 3.5],
    ["audio that is behind", 3.5, 2],
  ])("with %s: they are together again", (_, videoSeconds, audioSeconds) => {
    const made = cut(BOTH, interleaved(pictures({ seconds: videoSeconds }), sound(audioSeconds)), timeline(4));
    const video = trackOf(made, "video");
    const audio = trackOf(made, "audio");
    expect(Math.abs(video.ends - audio.ends)).toBeLessThan(0.05);
    expect(video.ends).toBeGreaterThan(7.4);
  });

  test("of audio alone", () => {
    const made = cut(AUDIO, sound(2), sound(2));
    expect(trackOf(made, "audio")).toMatchObject({ begins: 0, samples: 2 * sound(2).length });
  });
});

test("whatever comes: no picture is lost, times never go back, and the log says how long it is", () => {
  const frame = fc.record({
    step: fc.integer({ min: 1, max: 900 }),
    key: fc.boolean(),
    late: fc.integer({ max: 400 }),
  });
  const timelines = fc.array(fc.array(frame, { minLength: 1, maxLength: 60 }), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(timelines, (clocks) => {
      let pictureCount = 0;
      const made = cut(
        BOTH,
        ...clocks.map((frames) => {
          let ms = 0;
          const video = frames.map(({ step, key }, n): TimedUnit => {
            pictureCount++;
            const time = ms * 90;
            ms += step;
            return { kind: "video", time, cts: 0, key: key || n === 0, data: Buffer.alloc(10, n) };
          });
          return interleaved(video, sound(ms / 1000));
        }),
      );
      const video = trackOf(made, "video");
      trackOf(made, "audio");
      expect(video.samples).toBe(pictureCount);
      const logged = made.fragments.reduce((sum, { seconds }) => sum + seconds, 0);
      expect(video.ends - video.begins).toBeCloseTo(logged, 6);
      for (const [n, { video: pictures_ }] of made.fragments.entries()) {
        if (made.logged[n]!.key) expect(pictures_!.samples[0]!.sync).toBe(true);
      }
    }),
    { numRuns: 200 },
  );
});
