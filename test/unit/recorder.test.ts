/** When parts of a recording begin and end, and what a disk does to them. */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { SLICE_BYTES } from "#contract/recording";
import { FromLive } from "../../media-worker/link/ipc.ts";
import { serveSupervisor } from "../../media-worker/link/live-side.ts";
import type { TimedUnit } from "../../media-worker/live/reader.ts";
import { audioTrack, type Tracks } from "../../media-worker/live/tracks.ts";
import { FILE, type RecordingPoke } from "../../media-worker/recorder/part-files.ts";
import { type OpenPartFile, openPartFile } from "../../media-worker/recorder/part-writer.ts";
import { parseSettings } from "../../media-worker/settings.ts";
import { ManualClock } from "../harness/manual-clock.ts";
import { grant, recordUnits, startRecording, type TestRecording } from "../harness/recording.ts";
import { type RecordedPart, recordingsDir } from "../harness/recordings.ts";
import { AUDIO, BOTH, interleaved, pictures, sound, VIDEO } from "../harness/synthetic-media.ts";

const NOW = Date.UTC(2026, 0, 1);
const MONO: Tracks = { video: VIDEO.video, audio: audioTrack(Buffer.from("1188", "hex")) };
const units = (seconds: number, bytes = 1000) => interleaved(pictures({ seconds, bytes }), sound(seconds));
const ends = (parts: RecordedPart[]) => parts.map(({ part, end }) => `${part.epoch}-${part.n} ${end}`);
const seconds = ({ part, fragments }: RecordedPart) =>
  fragments.reduce((sum, { ticks }) => sum + ticks, 0) / part.timescale;

async function begun(options: Parameters<typeof startRecording>[0] = {}, tracks = BOTH): Promise<TestRecording> {
  const recording = await startRecording(options);
  recording.recorder.session(grant());
  recording.recorder.timeline(tracks);
  return recording;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error("it did not come about");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe("parts", () => {
  test("the uploader is told of them", async () => {
    const { pokes } = await recordUnits(VIDEO, pictures({ seconds: 10, bytes: 100_000 }));
    expect(pokes.map(({ what }) => what)).toEqual(["opened", "slice", "slice", "slice", "sealed"]);
    expect(new Set(pokes.map(({ part }) => part))).toEqual(new Set(["1-s-e1-0"]));
  });

  test("a session that is not to be recorded leaves nothing", async () => {
    const recording = await startRecording();
    recording.recorder.session(grant("e1", { record: false }));
    recording.recorder.timeline(BOTH);
    await recording.feed(units(2));
    recording.recorder.end("finished");
    expect(await recording.parts()).toEqual([]);
    expect(await readdir(recording.dir)).toEqual([]);
  });

  test("a session without media leaves nothing", async () => {
    const recording = await begun();
    recording.recorder.end("finished");
    expect(await readdir(recording.dir)).toEqual([]);
  });

  test("one for each publish session", async () => {
    const recording = await begun();
    await recording.feed(units(2));
    recording.recorder.end("disconnected");
    recording.recorder.session(grant("e2"));
    recording.recorder.timeline(BOTH);
    await recording.feed(units(2));
    recording.recorder.end("worker_stopped");
    expect(ends(await recording.parts())).toEqual(["e1-0 finished", "e2-0 worker_stopped"]);
  });

  test("one for each set of parameters; a jump of the clock alone goes on in it", async () => {
    const recording = await begun();
    for (const tracks of [BOTH, MONO, AUDIO]) {
      recording.recorder.timeline(tracks);
      await recording.feed(tracks === AUDIO ? sound(1) : units(1));
    }
    recording.recorder.end("finished");
    const parts = await recording.parts();
    expect(ends(parts)).toEqual(["e1-0 tracks", "e1-1 tracks", "e1-2 finished"]);
    expect(parts[1]!.part.tracks).toMatchObject([{ kind: "video" }, { kind: "audio", channels: 1 }]);
    const jumping = await begun();
    await jumping.feed(units(2));
    jumping.recorder.timeline({ ...BOTH });
    await jumping.feed(units(2));
    jumping.recorder.end("finished");
    const [part, ...more] = await jumping.parts();
    expect(more).toEqual([]);
    expect(seconds(part!)).toBeCloseTo(4, 1);
  });

  test("one that is long enough ends at the next keyframe, where the next one begins", async () => {
    const media = units(9);
    const { recorded } = await recordUnits(BOTH, media, { limits: { bytes: 1e9, ms: 3000 } });
    expect(ends(recorded)).toEqual(["e1-0 limit", "e1-1 limit", "e1-2 finished"]);
    expect(recorded.map((part) => Math.round(seconds(part)))).toEqual([4, 4, 1]);
    const bytes = Buffer.concat(recorded.map((part) => part.bytes));
    expect(media.filter(({ data }) => bytes.includes(data))).toHaveLength(media.length);
  });

  test("one that gets no keyframe ends all the same", async () => {
    const media = pictures({ seconds: 700, interval: () => 1000, key: (n) => n === 0 || n === 650 });
    const { recorded } = await recordUnits(VIDEO, media, { limits: { bytes: 1e9, ms: 2000 } });
    expect(ends(recorded)).toEqual(["e1-0 limit", "e1-1 finished"]);
    expect(recorded.map((part) => Math.round(seconds(part)))).toEqual([603, 50]);
  });
});

describe("room", () => {
  test("none left: the part ends, it is told once, and goes on at a keyframe when there is room again", async () => {
    const clock = new ManualClock(NOW);
    const recording = await begun({ clock, maxBytes: 3_000_000 }, VIDEO);
    const media = pictures({ seconds: 60, bytes: 10_000 });
    const feedUntil = async (condition: () => boolean) => {
      const from = media.length;
      while (!condition()) {
        const unit = media.shift();
        if (!unit) throw new Error(`all ${from} pictures were sent`);
        recording.recorder.unit(unit);
        clock.advance(33);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    };
    await feedUntil(() => recording.refusals.length > 0);
    expect(recording.recorder.warnings).toEqual([expect.stringMatching(/^Too much is waiting/)]);
    expect(ends(await recording.parts())).toEqual(["e1-0 spool_full"]);
    // Less than a tenth of it: not enough.
    const [first] = await recording.parts();
    await writeFile(path.join(recording.dir, "waits"), Buffer.alloc(2_800_000));
    await rm(first!.folder, { recursive: true });
    clock.advance(6_000);
    for (const unit of media.splice(0, 120)) recording.recorder.unit(unit);
    await new Promise((resolve) => setTimeout(resolve, 50));
    for (const unit of media.splice(0, 120)) recording.recorder.unit(unit);
    expect(await recording.parts()).toEqual([]);
    await rm(path.join(recording.dir, "waits"));
    const opened = () => recording.pokes.filter(({ what }) => what === "opened").length;
    await feedUntil(() => opened() === 2);
    await feedUntil(() => recording.resumed.length > 0);
    expect(recording.resumed).toEqual([expect.stringMatching(/^Too much is waiting/)]);
    expect(recording.recorder.warnings).toEqual([]);
    recording.recorder.end("finished");
    expect(ends(await recording.parts())).toEqual(["e1-1 finished"]);
    expect(recording.refusals).toEqual(["spool_full"]);
  });

  test("what others left counts", async () => {
    const dir = recordingsDir();
    await writeFile(path.join(dir, "left"), Buffer.alloc(100_000));
    const recording = await begun({ dir, maxBytes: 100_000 });
    await recording.feed(units(3));
    expect(recording.refusals).toEqual(["spool_full"]);
    expect(await recording.parts()).toEqual([]);
    recording.recorder.end("finished");
    recording.recorder.session(grant("e2"));
    recording.recorder.timeline(BOTH);
    await recording.feed(units(1));
    expect(recording.refusals).toEqual(["spool_full"]);
    recording.recorder.end("finished");
    recording.recorder.session(grant("e3", { session: "another" }));
    recording.recorder.timeline(BOTH);
    await recording.feed(units(1));
    expect(recording.refusals).toEqual(["spool_full", "spool_full"]);
  });
});

describe("a disk", () => {
  const failing = (after: number, code: string): OpenPartFile & { heal(): void } => {
    let left = after;
    const open: OpenPartFile = async (file) => {
      const handle = await openPartFile(file);
      const write = handle.write.bind(handle) as (...args: unknown[]) => Promise<{ bytesWritten: number }>;
      handle.write = (async (bytes: Buffer, offset: number, length: number, position: number) => {
        const taken = Math.min(length, left);
        if (taken === 0) throw Object.assign(new Error(`${code}: it failed`), { code });
        left -= taken;
        return write(bytes, offset, taken, position);
      }) as never;
      return handle;
    };
    return Object.assign(open, {
      heal: () => {
        left = Number.POSITIVE_INFINITY;
      },
    });
  };

  test.each(["ENOSPC", "EIO", "EROFS"])(
    "that fails with %s: what was whole is kept, and it is tried again",
    async (code) => {
      const clock = new ManualClock(NOW);
      const open = failing(1_300_000, code);
      const recording = await begun({ clock, open }, VIDEO);
      const media = pictures({ seconds: 60, bytes: 10_000 });
      const send = async (count: number) => {
        for (const unit of media.splice(0, count)) recording.recorder.unit(unit);
        await new Promise((resolve) => setTimeout(resolve, 20));
      };
      await send(120);
      await until(() => recording.refusals.length > 0);
      const [part] = await recording.parts();
      expect(part).toMatchObject({ end: "disk" });
      expect(part!.fragments).toHaveLength(1);
      // The disk is left alone for a while.
      open.heal();
      await send(120);
      expect(await recording.parts()).toHaveLength(1);
      clock.advance(30_000);
      await send(120);
      recording.recorder.end("finished");
      expect(ends(await recording.parts())).toEqual(["e1-0 disk", "e1-1 finished"]);
      expect(recording.refusals).toEqual(["disk"]);
    },
  );

  test("that fails where slices meet: no file stays open", async () => {
    const clock = new ManualClock(NOW);
    const opened: string[] = [];
    const closed: string[] = [];
    const fail = failing(SLICE_BYTES - 1000, "ENOSPC");
    const open: OpenPartFile = async (file) => {
      const handle = await fail(file);
      opened.push(file);
      const close = handle.close.bind(handle);
      handle.close = () => {
        closed.push(file);
        return close();
      };
      return handle;
    };
    const recording = await begun({ clock, open }, VIDEO);
    for (const unit of pictures({ seconds: 3, bytes: 100_000 })) recording.recorder.unit(unit);
    await until(() => recording.refusals.length > 0);
    await recording.parts();
    expect(opened.map((file) => path.basename(file))).toEqual(["fragments.log", "00001.slice", "00002.slice"]);
    expect(closed.sort()).toEqual(opened.sort());
  });

  test("that hangs costs no more memory than it may, and nobody waits for it", async () => {
    const hung = Promise.withResolvers<void>();
    const open: OpenPartFile = async (file) => {
      const handle = await openPartFile(file);
      const write = handle.write.bind(handle) as (...args: unknown[]) => Promise<{ bytesWritten: number }>;
      handle.write = (async (...args: unknown[]) => {
        await hung.promise;
        return write(...args);
      }) as never;
      return handle;
    };
    const recording = await begun({ open }, VIDEO);
    const media = pictures({ seconds: 8, bytes: 100_000 });
    const sent = (count: number) => {
      for (const unit of media.splice(0, count)) recording.recorder.unit(unit);
    };
    sent(130);
    expect(recording.refusals).toEqual([]);
    sent(60);
    expect(recording.refusals).toEqual(["disk"]);
    recording.recorder.end("worker_stopped");
    const began = performance.now();
    await recording.recordings.settled(100);
    expect(performance.now() - began).toBeLessThan(5_000);
    hung.resolve();
    // Not one fragment had got through.
    expect(await recording.parts()).toEqual([]);
  });

  test("that does not let a part be sealed: that is tried again too", async () => {
    const clock = new ManualClock(NOW);
    const recording = await begun({ clock });
    for (const unit of units(2)) recording.recorder.unit(unit);
    await until(() => recording.pokes.length > 0);
    const folder = path.join(recording.dir, recording.pokes[0]!.part);
    // A folder where the file should go stands for a disk that refuses it.
    const obstacle = path.join(folder, `${FILE.sealed}.tmp`);
    await mkdir(obstacle);
    recording.recorder.end("finished");
    expect((await recording.parts())[0]).toMatchObject({ end: null });
    await rm(obstacle, { recursive: true });
    clock.advance(30_000);
    expect((await recording.parts())[0]).toMatchObject({ end: "finished" });
  });

  test("whose folder cannot be made: publishers are taken all the same", async () => {
    const dir = path.join(recordingsDir(), "file");
    await writeFile(dir, "");
    const recording = await startRecording({ dir });
    recording.recorder.session(grant());
    recording.recorder.timeline(BOTH);
    for (const unit of units(3)) recording.recorder.unit(unit);
    await until(() => recording.refusals.length > 0);
    expect(recording.refusals).toEqual(["disk"]);
  });
});

describe("the supervisor", () => {
  test("is told of recordings by the live process", async () => {
    const sent: FromLive[] = [];
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const pokes: RecordingPoke[] = [
      { part: "1-s-e1-0", what: "opened" },
      { part: "1-s-e1-0", what: "sealed" },
    ];
    const channel = { send: (message: FromLive) => sent.push(message) > 0, on: () => undefined };
    const nothing = Promise.withResolvers<never>().promise;
    void serveSupervisor(channel, log, (control) => {
      for (const poke of pokes) control.recording(poke);
      return nothing;
    });
    expect(sent.map((message) => FromLive.parse(message))).toEqual(
      pokes.map((poke) => ({ type: "recording", ...poke })),
    );
  });

  test.each([
    ["0.5", 500_000_000],
    ["", 20_000_000_000],
  ])("SLUICE_SPOOL_MAX_GB=%s", (value, bytes) => {
    const env = {
      SLUICE_CONTROL_URL: "http://a.test",
      SLUICE_MEDIA_PUBLIC_URL: "http://b.test",
      SLUICE_MEDIA_DATA: "/d",
    };
    const { live } = parseSettings({ ...env, SLUICE_SPOOL_MAX_GB: value });
    expect(live).toMatchObject({ spoolMaxBytes: bytes, recordingsDir: "/d/spool/recordings" });
    for (const wrong of ["0", "-1", "much"]) {
      expect(() => parseSettings({ ...env, SLUICE_SPOOL_MAX_GB: wrong })).toThrow(/SLUICE_SPOOL_MAX_GB: must be/);
    }
  });
});

test("slices hold what came, byte by byte", async () => {
  const media = pictures({ seconds: 8 }).map((unit): TimedUnit => ({ ...unit, data: randomBytes(90_000) }));
  const { recorded } = await recordUnits(VIDEO, media);
  let at = 0;
  for (const { data } of media) {
    const found = recorded[0]!.bytes.indexOf(data, at);
    expect(found).toBeGreaterThan(at);
    at = found;
  }
});
