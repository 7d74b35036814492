/** Parts on disk: what is in a sealed one, and what becomes of one that was not. */
import { cpSync, mkdirSync, mkdtempSync } from "node:fs";
import { appendFile, readdir, readFile, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { INDEX_RESERVE_BYTES, SLICE_BYTES } from "#contract/recording";
import {
  FILE,
  type LoggedFragment,
  logLine,
  PartTally,
  readLog,
  sliceName,
} from "../../media-worker/recorder/part-files.ts";
import { boxes, readDurations, readFragments, readIndexes, readInit } from "../harness/mp4.ts";
import { recordUnits, recover } from "../harness/recording.ts";
import { type RecordedPart, recordedPart, recordingsDir } from "../harness/recordings.ts";
import { runsOf } from "../harness/runs.ts";
import { AUDIO, BOTH, interleaved, pictures, sound, VIDEO } from "../harness/synthetic-media.ts";

/** Each recovery waits for the disk several times. */
const SLOW = { timeout: 120_000 };

const units = (seconds: number, bytes = 1000) => interleaved(pictures({ seconds, bytes }), sound(seconds));

async function one(...args: Parameters<typeof recordUnits>): Promise<RecordedPart> {
  const { recorded } = await recordUnits(...args);
  expect(recorded).toHaveLength(1);
  return recorded[0]!;
}

/** Everything that a sealed part promises. */
function check({ part, fragments, bytes, end }: RecordedPart): void {
  expect(end).not.toBeNull();
  const top = boxes(bytes);
  const header = ["ftyp", "moov", "free", ...part.tracks.map(() => "sidx")];
  expect(top.slice(0, header.length).map(({ type }) => type)).toEqual(header);
  expect(top[1]!.end).toBe(part.init_bytes);
  expect(top[header.length - 1]!.end).toBe(part.header_bytes);
  expect(part.header_bytes - part.init_bytes).toBe(INDEX_RESERVE_BYTES);
  const media = top.slice(header.length).map(({ type }) => type);
  expect(media).toEqual(fragments.flatMap(() => ["moof", "mdat"]));
  expect(bytes.length).toBe(part.header_bytes + fragments.reduce((sum, each) => sum + each.bytes, 0));

  const seconds = fragments.reduce((sum, each) => sum + each.ticks, 0) / part.timescale;
  const durations = readDurations(bytes);
  for (const each of [durations.movie, durations.fragments, ...durations.tracks, ...durations.media]) {
    expect(each).toBeCloseTo(seconds, 2);
  }
  const tracks = readInit(bytes.subarray(0, part.init_bytes));
  const [index, ...others] = readIndexes(bytes);
  if (!index) throw new Error("no index");
  expect(index).toMatchObject({ timescale: part.timescale, earliest: part.presentation_start, track: tracks[0]!.id });
  for (const other of others) {
    const { id, timescale } = tracks[1]!;
    expect(other).toMatchObject({ track: id, timescale, earliest: 0 });
    expect(other.references.map(({ start }) => start)).toEqual(index.references.map(({ start }) => start));
    const counted = other.references.reduce((sum, { duration }) => sum + duration, 0);
    expect(counted / timescale).toBeCloseTo(seconds, 3);
  }
  expect(index.references.map(({ start }) => start)).toEqual([
    part.header_bytes,
    ...index.references.slice(0, -1).map((reference) => reference.end),
  ]);
  expect(index.references.at(-1)!.end).toBe(bytes.length);
  const runs = runsOf(part, fragments);
  /** Where each run begins and ends. */
  const begins = new Map<number, number>();
  let at = part.header_bytes;
  for (const [size] of runs) {
    begins.set(at, at + size);
    at += size;
  }
  expect(index.references.map(({ end: until, start }) => until - start)).toEqual(fragments.map((each) => each.bytes));
  // What a seek finds begins with a keyframe: of all others, none lasts longer than a tick.
  for (const { start, startsWithSync, duration } of index.references) {
    const until = begins.get(start);
    expect(startsWithSync).toBe(until !== undefined);
    if (until === undefined) {
      expect(duration).toBeLessThanOrEqual(1);
      continue;
    }
    const [first, ...rest] = readFragments(bytes.subarray(start, until), tracks);
    expect(first!.samples[0]!.sync).toBe(true);
    const own = [first!, ...rest].filter(({ track }) => track === first!.track);
    const lasts = own.flatMap(({ samples }) => samples).reduce((sum, sample) => sum + sample.duration, 0);
    const counted = index.references.filter((each) => each.start >= start && each.end <= until);
    expect(counted.reduce((sum, each) => sum + each.duration, 0)).toBe(lasts);
  }
  const ms = runs.reduce((sum, [, duration]) => sum + duration, 0);
  expect(ms).toBe(Math.round(seconds * 1000));
}

describe("a sealed part", () => {
  test.each([
    ["video and audio", BOTH, units(21), 21],
    ["video", VIDEO, pictures({ seconds: 21 }), 21],
    ["audio", AUDIO, sound(21), 20.99],
    ["one picture", VIDEO, pictures({ seconds: 0.01 }), 1 / 30],
  ])("of %s tells how long it is and where it can be begun", async (_, tracks, media, seconds) => {
    const part = await one(tracks, media);
    check(part);
    expect(part).toMatchObject({ end: "finished", part: { n: 0, stream_id: 1, session: "s", epoch: "e1" } });
    expect(readDurations(part.bytes).movie).toBeCloseTo(seconds, 1);
  });

  test("lies in slices of exactly one size", async () => {
    const part = await one(BOTH, units(10, 100_000));
    check(part);
    const sizes = await Promise.all(
      (await slicesOf(part)).map(async (name) => (await stat(path.join(part.folder, name))).size),
    );
    expect(sizes.slice(0, -1)).toEqual([SLICE_BYTES, SLICE_BYTES, SLICE_BYTES]);
    expect(sizes[3]).toBeLessThan(SLICE_BYTES);
  });

  test("is sealed again to the same bytes", async () => {
    const part = await one(BOTH, units(9));
    await rm(path.join(part.folder, FILE.sealed));
    await recover(path.dirname(part.folder));
    const again = (await recordedPart(part.folder))!;
    expect(again.bytes.equals(part.bytes)).toBe(true);
    expect(again.end).toBe("crashed");
  });
});

const slicesOf = async ({ folder }: RecordedPart) =>
  (await readdir(folder)).filter((name) => name.endsWith(".slice")).sort();

/** A copy of an unsealed part in a folder of its own, which `harm` befalls before it is recovered. */
async function recovered(part: RecordedPart, root: string, harm: (folder: string) => Promise<unknown>) {
  const dir = mkdtempSync(path.join(root, "copy-"));
  const folder = path.join(dir, path.basename(part.folder));
  cpSync(part.folder, folder, { recursive: true });
  await rm(path.join(folder, FILE.sealed));
  await harm(folder);
  await recover(dir);
  const left = await recordedPart(folder);
  if (left) check(left);
  else expect(await readdir(dir)).toEqual([]);
  return left?.fragments.length ?? 0;
}

test("a sealed part that is taken away while a process starts is not sealed again, and leaves nothing", async () => {
  const part = await one(BOTH, units(3, 300));
  const dir = path.dirname(part.folder);
  for (let n = 0; n < 20; n++) {
    const gone = `${recordingsDir()}/gone`;
    const [sealed] = await Promise.all([
      recover(dir),
      new Promise((r) => setTimeout(r, n / 8)).then(() => rename(part.folder, gone)),
    ]);
    expect(sealed).toEqual([]);
    expect(await readdir(dir)).toEqual([]);
    expect((await recordedPart(gone))!.bytes.equals(part.bytes)).toBe(true);
    await rename(gone, part.folder);
  }
});

describe("a part that nobody sealed", () => {
  test("cut off anywhere: every whole fragment is kept, and nothing else", SLOW, async () => {
    const part = await one(BOTH, units(3, 300));
    const root = recordingsDir();
    let at = part.part.header_bytes;
    const bounds = [at, ...part.fragments.map(({ bytes }) => (at += bytes))];
    const inHeader = [
      0,
      1,
      30,
      part.part.init_bytes - 1,
      part.part.init_bytes,
      part.part.init_bytes + 7,
      bounds[0]! - 1,
    ];
    const around = bounds.flatMap((bound) => [bound - 100, bound - 1, bound, bound + 1, bound + 50, bound + 700]);
    for (const size of [...inHeader, ...around].filter((each) => each <= part.bytes.length)) {
      const whole = bounds.filter((bound, n) => n > 0 && bound <= size).length;
      const kept = await recovered(part, root, (folder) => truncate(path.join(folder, sliceName(1)), size));
      expect([size, kept]).toEqual([size, whole]);
    }
  });

  test("with a log that stops anywhere: what it does not tell of is cut off", SLOW, async () => {
    const part = await one(BOTH, units(2, 300));
    const root = recordingsDir();
    const text = await readFile(path.join(part.folder, FILE.log), "latin1");
    for (let size = 0; size <= text.length; size++) {
      const lines = text.slice(0, size).split("\n").length - 1;
      const kept = await recovered(part, root, (folder) => truncate(path.join(folder, FILE.log), size));
      expect([size, kept]).toEqual([size, lines]);
    }
  });

  test.each([
    ["tells of more than was written", `${logLine({ bytes: 5000, ticks: 45_000, key: true })}`],
    ["has no line at its end", "12 "],
    ["ends in zeros, as after a loss of power", "\0".repeat(100)],
  ])("with a log that %s", async (_, more) => {
    const part = await one(BOTH, units(2));
    const kept = await recovered(part, recordingsDir(), (folder) => appendFile(path.join(folder, FILE.log), more));
    expect(kept).toBe(part.fragments.length);
  });

  test("whose slices are uploaded and gone but for the first and the last", async () => {
    const part = await one(BOTH, units(10, 100_000));
    const dir = path.dirname(part.folder);
    await rm(path.join(part.folder, FILE.sealed));
    await rm(path.join(part.folder, sliceName(2)));
    await rm(path.join(part.folder, sliceName(3)));
    const last = path.join(part.folder, sliceName(4));
    await truncate(last, (await stat(last)).size - 1);
    await recover(dir);
    const left = (await recordedPart(part.folder))!;
    expect(left.end).toBe("crashed");
    expect(left.fragments).toEqual(part.fragments.slice(0, -1));
    const size = left.part.header_bytes + left.fragments.reduce((sum, { bytes }) => sum + bytes, 0);
    expect((await stat(last)).size).toBe(size - 3 * SLICE_BYTES);
  });

  test("with a fragment begun across two slices: the second one goes", async () => {
    const part = await one(VIDEO, pictures({ seconds: 10, bytes: 100_000 }));
    let at = part.part.header_bytes;
    let before = 0;
    for (const { bytes } of part.fragments) {
      if (at + bytes > SLICE_BYTES) break;
      at += bytes;
      before++;
    }
    const kept = await recovered(part, recordingsDir(), async (folder) => {
      await rm(path.join(folder, sliceName(3)), { force: true });
      await rm(path.join(folder, sliceName(4)), { force: true });
      await truncate(path.join(folder, sliceName(2)), 10);
    });
    expect(kept).toBe(before);
  });

  test("without a fragment, or without a word on what it is, leaves nothing", async () => {
    const dir = recordingsDir();
    mkdirSync(path.join(dir, "1-s-e1-0"));
    await writeFile(path.join(dir, "1-s-e1-0", sliceName(1)), "x");
    expect(await recover(dir)).toEqual([]);
    expect(await readdir(dir)).toEqual([]);
  });

  test("that cannot be read is left alone", async () => {
    const part = await one(VIDEO, pictures({ seconds: 2 }));
    const dir = path.dirname(part.folder);
    await rm(path.join(part.folder, FILE.sealed));
    await writeFile(path.join(part.folder, FILE.part), "{");
    expect(await recover(dir)).toEqual([]);
    expect(await slicesOf(part)).toEqual([sliceName(1)]);
  });
});

describe("runs", () => {
  const PART = { header_bytes: 1000, timescale: 90_000 };
  const halves = (pattern: string): LoggedFragment[] =>
    [...pattern].map((each) => ({ bytes: 10, ticks: 45_000, key: each === "K" }));

  test.each([
    [
      "K---K---K---K---",
      [
        [80, 4000],
        [80, 4000],
      ],
    ],
    [
      "K---K---K---K---K",
      [
        [80, 4000],
        [90, 4500],
      ],
    ],
    [
      "K-K-K-K-K-K-K-K-K-K-K-",
      [
        [80, 4000],
        [140, 7000],
      ],
    ],
    ["K-----------------", [[180, 9000]]],
    ["K---", [[40, 2000]]],
  ])("of %s", (pattern, runs) => {
    expect(runsOf(PART, halves(pattern))).toEqual(runs);
  });

  test("what is settled stays as it is", () => {
    const fragment = fc.record({ bytes: fc.integer({ min: 1, max: 1e6 }), ticks: fc.nat(90_000), key: fc.boolean() });
    fc.assert(
      fc.property(fc.array(fragment, { minLength: 1, maxLength: 200 }), (fragments) => {
        const all = runsOf(PART, fragments);
        expect(all.reduce((sum, [bytes]) => sum + bytes, PART.header_bytes)).toBe(
          fragments.reduce((sum, { bytes }) => sum + bytes, PART.header_bytes),
        );
        const tally = new PartTally(PART);
        for (const each of fragments) {
          tally.add(each);
          const settled = tally.settledRuns();
          expect(all.slice(0, settled.length)).toEqual(settled);
        }
      }),
    );
  });

  test("gigabytes without a keyframe are cut all the same: an index cannot count them", () => {
    const runs = runsOf(
      PART,
      Array.from({ length: 900 }, (_, n) => ({ bytes: 4e6, ticks: 45_000, key: n === 0 })),
    );
    expect(Math.max(...runs.map(([bytes]) => bytes))).toBeLessThanOrEqual(1024 ** 3);
  });
});

test("a log is read on from where it was read to", async () => {
  const part = await one(BOTH, units(2));
  const file = path.join(part.folder, FILE.log);
  const { fragments, next } = await readLog(part.folder);
  await appendFile(file, "77 45000 1\n88 450");
  const more = await readLog(part.folder, next);
  expect(more.fragments).toEqual([{ bytes: 77, ticks: 45_000, key: true }]);
  await appendFile(file, "00 0\n");
  expect((await readLog(part.folder, more.next)).fragments).toEqual([{ bytes: 88, ticks: 45_000, key: false }]);
  expect(fragments.length).toBe(part.fragments.length);
});
