/** Recordings of what encoders send, as FFmpeg plays them. */
import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { describe, expect, onTestFinished, test } from "vitest";
import { makeSource, type Source } from "../harness/h264-source.ts";
import { type LiveServer, startLive } from "../harness/live-server.ts";
import { push } from "../harness/push.ts";
import { recordUnits, recover } from "../harness/recording.ts";
import {
  play,
  type RecordedPart,
  recordedParts,
  recordingsDir,
  requestsToOpen,
  sealedParts,
  seek,
} from "../harness/recordings.ts";
import { type FeedOptions, feed, openPublisher, type RtmpPublisher } from "../harness/rtmp-publisher.ts";
import { quietLog } from "../harness/rtmp-server.ts";
import { BOTH, interleaved, pictures, sound } from "../harness/synthetic-media.ts";

const SPEED = 5;

const names = (parts: RecordedPart[]) => parts.map(({ part, end }) => `${part.epoch}-${part.n} ${end}`);
const seconds = ({ part, fragments }: RecordedPart) =>
  fragments.reduce((sum, { ticks }) => sum + ticks, 0) / part.timescale;
const frames = (source: Source, kind: "video" | "audio") => source.tags.filter((tag) => tag.kind === kind).length;

async function publish({ rtmpPort }: Pick<LiveServer, "rtmpPort">): Promise<RtmpPublisher> {
  const publisher = await openPublisher({ port: rtmpPort });
  onTestFinished(() => publisher.rst());
  publisher.setChunkSize(4096);
  expect((await publisher.publish("s1")).code).toBe("NetStream.Publish.Start");
  return publisher;
}

const send = (publisher: RtmpPublisher, source: Source, options: FeedOptions = {}) =>
  feed(publisher, source, { speed: SPEED, ...options });

function finish(publisher: RtmpPublisher): void {
  publisher.deleteStream();
  publisher.fin();
}

/** Every track is there and begins with the others. */
async function expectToPlay(part: RecordedPart, duration: number): Promise<void> {
  const played = await play(part);
  expect(Math.abs(played.duration - duration)).toBeLessThan(1);
  const starts = played.streams.map(({ start }) => start);
  expect(Math.max(...starts) - Math.min(...starts)).toBeLessThan(0.05);
}

describe("a push", () => {
  test.each([
    ["without B-frames", 0],
    ["with B-frames", 3],
  ])("%s is one part that plays from begin to end", async (_, bFrames) => {
    const dir = recordingsDir();
    const { ingest } = await startLive({ recordingsDir: dir });
    await push(`${ingest}/s1`, { seconds: 6, video: { bFrames } }).exited;
    const [part] = await sealedParts(dir, 1);
    expect(part!.end).toBe("finished");
    await expectToPlay(part!, 6);
    expect((await play(part!)).streams[0]).toMatchObject({ kind: "video", packets: 180, width: 640 });
  });

  test("of audio alone", async () => {
    const dir = recordingsDir();
    const { ingest } = await startLive({ recordingsDir: dir });
    await push(`${ingest}/s1`, { seconds: 4, video: null }).exited;
    const [part] = await sealedParts(dir, 1);
    await expectToPlay(part!, 4);
    expect(part!.part.tracks).toMatchObject([{ kind: "audio", codec: "mp4a.40.2" }]);
  });

  test("each frame that came is there", async () => {
    const dir = recordingsDir();
    const live = await startLive({ recordingsDir: dir });
    const source = await makeSource({ seconds: 8 });
    const publisher = await publish(live);
    await send(publisher, source);
    finish(publisher);
    const [part] = await sealedParts(dir, 1);
    const { streams } = await play(part!);
    expect(streams.find(({ kind }) => kind === "video")!.packets).toBe(frames(source, "video"));
    expect(streams.find(({ kind }) => kind === "audio")!.packets).toBeGreaterThanOrEqual(frames(source, "audio") - 2);
  });
});

test.each([48_000, 44_100])("seeking lands a few seconds before, not anywhere (audio of %d Hz)", async (sampleRate) => {
  const dir = recordingsDir();
  const live = await startLive({ recordingsDir: dir });
  const source = await makeSource({ seconds: 60, video: { bFrames: 2, gopSeconds: 2 }, audio: { sampleRate } });
  const publisher = await publish(live);
  await send(publisher, source, { speed: 15 });
  finish(publisher);
  const [part] = await sealedParts(dir, 1);
  for (const at of [5, 13, 31.7, 55]) {
    const begins = await seek(part!, at);
    expect([at, at - begins >= 0 && at - begins <= 4.1]).toEqual([at, true]);
  }
});

describe("parts in order, each of which plays by itself", () => {
  test("a reconnect", async () => {
    const dir = recordingsDir();
    const { ingest } = await startLive({ recordingsDir: dir });
    await push(`${ingest}/s1`, { seconds: 3 }).exited;
    await push(`${ingest}/s1`, { seconds: 3 }).exited;
    const parts = await sealedParts(dir, 2);
    expect(names(parts)).toEqual(["e1-0 finished", "e2-0 finished"]);
    for (const part of parts) await expectToPlay(part, 3);
  });

  test("another resolution", async () => {
    const dir = recordingsDir();
    const live = await startLive({ recordingsDir: dir });
    const small = await makeSource({ seconds: 4, video: { size: "320x180" } });
    const large = await makeSource({ seconds: 4, video: { size: "640x360" } });
    const publisher = await publish(live);
    await send(publisher, small);
    await send(publisher, large, { timestamp: (t) => t + 4000 });
    finish(publisher);
    const parts = await sealedParts(dir, 2);
    expect(names(parts)).toEqual(["e1-0 tracks", "e1-1 finished"]);
    const played = await Promise.all(parts.map(play));
    expect(played.map(({ streams }) => streams[0]!.width)).toEqual([320, 640]);
    for (const part of parts) await expectToPlay(part, 4);
  });

  test("a track that comes late", async () => {
    const dir = recordingsDir();
    const live = await startLive({ recordingsDir: dir });
    const source = await makeSource({ seconds: 8 });
    const publisher = await publish(live);
    const without = { ...source, metadata: null, audioHeader: null };
    await send(publisher, without as Source, { seconds: 4, only: ({ kind }) => kind === "video" });
    await send(publisher, { ...source, metadata: null } as Source, { from: 4 });
    finish(publisher);
    const parts = await sealedParts(dir, 2);
    expect(parts.map(({ part }) => part.tracks.map(({ kind }) => kind))).toEqual([["video"], ["video", "audio"]]);
    for (const part of parts) await expectToPlay(part, 4);
  });

  test("but a jump of the encoder's clock stays in one part", async () => {
    const dir = recordingsDir();
    const live = await startLive({ recordingsDir: dir });
    const source = await makeSource({ seconds: 4 });
    const publisher = await publish(live);
    await send(publisher, source);
    await send(publisher, source, { timestamp: (t) => t + 100_000 });
    finish(publisher);
    const [part] = await sealedParts(dir, 1);
    await expectToPlay(part!, 8);
  });
});

test("the worker stops: what was recorded is on disk before it is gone", async () => {
  const dir = recordingsDir();
  const { ingest, live } = await startLive({ recordingsDir: dir });
  const pushing = push(`${ingest}/s1`);
  onTestFinished(() => pushing.kill());
  await new Promise((resolve) => setTimeout(resolve, 3000));
  await live.drain(0);
  const [part] = await recordedParts(dir);
  expect(part!.end).toBe("worker_stopped");
  await expectToPlay(part!, 3);
});

describe("a disk", () => {
  test("without room in the spool: recording ends and is refused, the stream goes on", async () => {
    const dir = recordingsDir();
    const live = await startLive({ recordingsDir: dir, spoolMaxBytes: 1_600_000 });
    await push(`${live.ingest}/s1`, { seconds: 8 }).exited;
    const [part] = await sealedParts(dir, 1);
    expect(part!.end).toBe("spool_full");
    expect(seconds(part!)).toBeGreaterThan(1);
    expect(seconds(part!)).toBeLessThan(7);
    await play(part!);
    const events = live.events.map(({ body }) => body.event);
    expect(events).toEqual(["ready", "recording_refused", "ended"]);
    expect(live.events[1]!.body).toMatchObject({ cause: "spool_full" });
    expect(live.events[2]!.body).toMatchObject({ reason: "finished" });
  });

  test("that is full: what was written is kept and plays, the stream goes on", async ({ skip }) => {
    const dir = recordingsDir();
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=1600k", "tmpfs", dir], { stdio: "ignore" });
    } catch {
      skip("may not mount a small disk here");
    }
    onTestFinished(() => void execFileSync("umount", [dir]));
    const live = await startLive({ recordingsDir: dir, log: { ...quietLog, error() {} } });
    await push(`${live.ingest}/s1`, { seconds: 8 }).exited;
    const [part] = await sealedParts(dir, 1);
    expect(part!.end).toBe("disk");
    await expectToPlay(part!, seconds(part!));
    expect(live.events.map(({ body }) => body.event)).toEqual(["ready", "recording_refused", "ended"]);
    expect(live.events[1]!.body).toMatchObject({ cause: "disk" });
  });
});

describe("the process is killed", () => {
  async function startProcess(dir: string): Promise<{ child: ChildProcess; rtmpPort: number }> {
    const child = fork(new URL("../harness/live-process.ts", import.meta.url), [dir]);
    onTestFinished(() => void child.kill("SIGKILL"));
    const rtmpPort = await new Promise<number>((resolve, reject) => {
      child.once("message", (message: { port: number }) => resolve(message.port));
      child.once("exit", () => reject(new Error("the live process did not start")));
    });
    return { child, rtmpPort };
  }

  const TIMES = process.env.SLUICE_LONG === "1" ? 20 : 5;

  test(`${TIMES} times at any moment: at most a second is lost`, { timeout: 300_000 }, async () => {
    const source = await makeSource({ seconds: 12, video: { gopSeconds: 2 } });
    const losses: number[] = [];
    for (let n = 0; n < TIMES; n++) {
      const dir = recordingsDir();
      const { child, rtmpPort } = await startProcess(dir);
      const publisher = await publish({ rtmpPort });
      let sent = 0;
      const sending = send(publisher, source, {
        speed: 1,
        timestamp: (t, kind) => {
          if (kind === "video") sent = t;
          return t;
        },
      });
      await new Promise((resolve) => setTimeout(resolve, 1000 + Math.random() * 3000));
      child.kill("SIGKILL");
      const pushed = sent / 1000;
      await publisher.closed;
      await sending;
      await recover(dir);
      const [part] = await recordedParts(dir);
      expect(part!.end).toBe("crashed");
      await expectToPlay(part!, seconds(part!));
      losses.push(pushed - seconds(part!));
    }
    expect(Math.max(...losses)).toBeLessThan(1);
  });
});

test("an hour opens with a few requests, however many fragments it has", async () => {
  const media = interleaved(pictures({ seconds: 3600, bytes: 60 }), sound(3600, 20));
  const { recorded } = await recordUnits(BOTH, media);
  const [part] = recorded;
  expect(seconds(part!)).toBeCloseTo(3600, 1);
  expect(part!.fragments.length).toBeGreaterThan(7000);
  const { duration, requests } = await requestsToOpen(part!);
  expect(duration).toBeCloseTo(3600, 0);
  expect(requests).toBeLessThanOrEqual(10);
});
