/**
 * What encoders really do, and what viewers must see. Each publisher is raw RTMP over TCP, several times faster than
 * real time; a strict follower reads and downloads everything, and FFmpeg decodes it.
 */
import { describe, expect, onTestFinished, test } from "vitest";
import { makeSource, type Source, type SourceOptions } from "../harness/h264-source.ts";
import { type FollowReport, followHls } from "../harness/hls-follow.ts";
import { audioOffset, playErrors, stretches } from "../harness/hls-media.ts";
import { type LiveOptions, type LiveServer, startLive } from "../harness/live-server.ts";
import { type FeedOptions, feed, openPublisher, type RtmpPublisher } from "../harness/rtmp-publisher.ts";
import { SkippingClock } from "../harness/skipping-clock.ts";

const SPEED = 5;
const GRACE_MS = 7_000;
const LINGER_MS = 60_000;

type Stage = LiveServer & { clock: SkippingClock };

async function stage(options: LiveOptions = {}): Promise<Stage> {
  const clock = new SkippingClock();
  return { ...(await startLive({ clock, ...options })), clock };
}

async function publish({ rtmpPort }: LiveServer, key = "s1"): Promise<RtmpPublisher> {
  const publisher = await openPublisher({ port: rtmpPort });
  onTestFinished(() => publisher.rst());
  publisher.setChunkSize(4096);
  expect((await publisher.publish(key)).code).toBe("NetStream.Publish.Start");
  return publisher;
}

const send = (publisher: RtmpPublisher, source: Source, options: FeedOptions = {}) =>
  feed(publisher, source, { speed: SPEED, ...options });

/** Ends the publish session as an encoder does. */
async function finish(live: LiveServer, publisher: RtmpPublisher): Promise<void> {
  const ended = live.events.filter(({ body }) => body.event === "ended").length;
  publisher.deleteStream();
  publisher.fin();
  await live.event("ended", ended);
}

/** Follows stream 1 while `act` publishes, through the grace to ENDLIST. Every rule must hold. */
async function follow(live: Stage, act: () => Promise<void>, until = "ended"): Promise<FollowReport> {
  const master = `${await live.watch(1)}index.m3u8`;
  const following = followHls({ master, seconds: 30 });
  following.catch(() => undefined);
  await act();
  if (until === "ended") live.clock.skip(GRACE_MS);
  const report = await following;
  expect(report.violations).toEqual([]);
  return report;
}

/** One publisher sends one source, from its begin to its end. */
async function play(options: SourceOptions, feedOptions: FeedOptions = {}, live?: Stage) {
  const on = live ?? (await stage());
  const source = await makeSource(options);
  const report = await follow(on, async () => {
    const publisher = await publish(on);
    await send(publisher, source, feedOptions);
    await finish(on, publisher);
  });
  const [first] = stretches(report.segments);
  if (first === undefined) throw new Error("nothing was shown");
  return { live: on, source, report, first, count: stretches(report.segments).length };
}

const frames = (source: Source, kind: "video" | "audio" = "video") =>
  source.tags.filter((tag) => tag.kind === kind).length;
const seconds = (source: Source) => (source.tags.at(-1)!.timestamp - source.tags[0]!.timestamp) / 1000;

describe("no audio", () => {
  test("plays at once, without waiting for audio", async () => {
    const { live, source, report, first, count } = await play({ seconds: 8, audio: null });
    expect(count).toBe(1);
    expect(report.variant.codecs).toEqual([expect.stringMatching(/^avc1/)]);
    expect(first.video.length).toBe(frames(source));
    expect(first.duration).toBeCloseTo(8, 1);
    expect(await playErrors(report.segments)).toBe("");
    expect(live.events[0]?.body).toMatchObject({ event: "ready", tracks: [{ kind: "video" }] });
  });

  test("the metadata's word is enough: live with the first keyframe", async () => {
    const live = await stage();
    const source = await makeSource({ seconds: 8, audio: null });
    const publisher = await publish(live);
    publisher.metadata(source.metadata!);
    publisher.send(source.videoHeader!, 0, "video");
    publisher.send(source.tags[0]!.body, 0, "video");
    const before = performance.now();
    await live.event("ready");
    expect(performance.now() - before).toBeLessThan(250);
  });

  test("without metadata it is live after half a second, and nothing is lost", async () => {
    const { source, first } = await play({ seconds: 4, audio: null }, { only: () => true, headers: true }, undefined);
    expect(first.video.length).toBe(frames(source));
  });
});

test("audio only: segments cut by time, CODECS of audio alone, no RESOLUTION", async () => {
  const { source, report, first } = await play({ seconds: 12, video: null });
  expect(report.variant).toMatchObject({ codecs: ["mp4a.40.2"], resolution: null, frameRate: null });
  expect(first.audio.length).toBe(frames(source, "audio"));
  for (const segment of report.segments.slice(1, -1)) expect(segment.duration).toBeCloseTo(2, 1);
  expect(await playErrors(report.segments)).toBe("");
});

describe("frames in other orders", () => {
  test("B-frames: no stutter, segments begin at IDR pictures", async () => {
    const { source, report, first } = await play({ seconds: 10, video: { bFrames: 3, gopSeconds: 2 } });
    expect(first.video.length).toBe(frames(source));
    const shown = first.video.map(({ pts }) => pts).sort((a, b) => a - b);
    for (let i = 1; i < shown.length; i++) expect(shown[i]! - shown[i - 1]!).toBeCloseTo(1 / 30, 2);
    expect(report.segments.slice(2).every(({ startsWithSync }) => startsWithSync)).toBe(true);
    expect(await playErrors(report.segments)).toBe("");
  });

  test("open GOP: INDEPENDENT-SEGMENTS is not claimed, and only the first frame is a sync sample", async () => {
    const { source, report, first } = await play({ seconds: 10, video: { openGop: true, bFrames: 2, gopSeconds: 1 } });
    expect(report.last.independentSegments).toBe(false);
    expect(first.video.filter(({ sync }) => sync).length).toBe(1);
    expect(first.video.length).toBe(frames(source));
    expect(await playErrors(report.segments)).toBe("");
  });
});

test("variable frame rate: durations true to the frames, PART-TARGET constant", async () => {
  const { source, report, first } = await play({ seconds: 20, video: { variableRate: true, gopSeconds: 1 } });
  expect(report.last.partTarget).toBe(0.5);
  expect(first.video.length).toBe(frames(source));
  const due = source.tags.filter(({ kind }) => kind === "video").map(({ timestamp, cts }) => (timestamp + cts) / 1000);
  const shown = first.video.map(({ pts }) => pts);
  due.forEach((time, i) => {
    expect(shown[i]! - shown[0]!).toBeCloseTo(time - due[0]!, 2);
  });
  expect(await playErrors(report.segments)).toBe("");
});

test("10 s GOP: plays within the target duration fixed at the start", async () => {
  const { source, report, first } = await play({ seconds: 26, video: { gopSeconds: 10 } });
  expect(report.last.independentSegments).toBe(false);
  expect(first.video.length).toBe(frames(source));
  expect(first.duration).toBeCloseTo(26, 1);
  expect(report.segments.find(({ msn }) => msn === 1)?.startsWithSync).toBe(true);
  expect(first.video.filter(({ sync }) => sync).length).toBe(3);
  expect(await playErrors(report.segments)).toBe("");
});

test("10 s GOP, known from last time: the target duration is 6 s", async () => {
  const live = await stage({ grant: (grant) => ({ ...grant, last_target_duration_s: 10 }) });
  const { report } = await play({ seconds: 26, video: { gopSeconds: 10 } }, { speed: 10 }, live);
  expect(report.last.targetDuration).toBe(6);
});

test("44.1 kHz mono: no drift between audio and video", async () => {
  const { source, report, first } = await play(
    { seconds: 30, audio: { sampleRate: 44_100, channels: 1 } },
    { speed: 10 },
  );
  const out = Math.abs(audioOffset(first, "start"));
  expect(out).toBeLessThan(0.05);
  expect(Math.abs(audioOffset(first, "end"))).toBeLessThan(0.08);
  const audio = first.audio.map(({ dts }) => dts);
  expect(audio.at(-1)! - audio[0]!).toBeCloseTo(((audio.length - 1) * 1024) / 44_100, 4);
  expect(audio.length).toBeGreaterThanOrEqual(frames(source, "audio") - 2);
  expect(await playErrors(report.segments)).toBe("");
});

test("60 fps: FRAME-RATE says so", async () => {
  const { report, source, first } = await play({ seconds: 8, video: { rate: 60 } });
  expect(report.variant.frameRate).toBe(60);
  expect(first.video.length).toBe(frames(source));
});

test("MP3 audio: video alone, with a warning to the streamer", async () => {
  const { live, source, report, first } = await play({ seconds: 6, audio: { codec: "mp3" } });
  expect(report.variant.codecs).toEqual([expect.stringMatching(/^avc1/)]);
  expect(first.video.length).toBe(frames(source));
  const warning = live.events.find(({ body }) => body.event === "warning")?.body;
  expect(warning).toMatchObject({ message: expect.stringMatching(/MP3/) });
});

describe("time stamps", () => {
  test("the 32-bit wrap: plays through", async () => {
    const { source, report, first, count } = await play({ seconds: 8 }, { timestamp: (time) => 2 ** 32 - 4000 + time });
    expect(count).toBe(1);
    expect(first.video.length).toBe(frames(source));
    expect(Math.abs(audioOffset(first, "end"))).toBeLessThan(0.08);
    expect(await playErrors(report.segments)).toBe("");
  });

  test("crossing 2^24 ms with 128-byte chunks: plays through", async () => {
    const live = await stage();
    const source = await makeSource({ seconds: 8 });
    const report = await follow(live, async () => {
      const publisher = await openPublisher({ port: live.rtmpPort });
      onTestFinished(() => publisher.rst());
      await publisher.publish("s1");
      await send(publisher, source, { timestamp: (time) => 2 ** 24 - 4000 + time });
      await finish(live, publisher);
    });
    const all = stretches(report.segments);
    expect(all.length).toBe(1);
    expect(all[0]!.video.length).toBe(frames(source));
    expect(await playErrors(report.segments)).toBe("");
  });

  const jumps: [string, number][] = [
    ["1 h forward", 3_600_000],
    ["8 s back", -8_000],
    ["1 h back", -3_600_000],
  ];
  test.each(jumps)("a jump %s: plays on with a DISCONTINUITY", async (_, by) => {
    const AT = 9_500;
    const base = 10_000_000;
    const { source, report } = await play(
      { seconds: 18 },
      { timestamp: (time) => base + time + (time >= AT ? by : 0) },
    );
    const [before, after, ...others] = stretches(report.segments);
    expect(others).toEqual([]);
    expect(before!.duration).toBeCloseTo(AT / 1000, 1);
    // The GOP is 1 s: from the next keyframe on.
    expect(after!.duration).toBeCloseTo(18 - 10, 1);
    expect(after!.segments[0]).toMatchObject({ discontinuity: true, startsWithSync: true });
    expect(Math.abs(audioOffset(after!, "end"))).toBeLessThan(0.08);
    expect(after!.video.length + before!.video.length).toBe(frames(source) - 15);
    expect(await playErrors(report.segments)).toBe("");
  });

  test("a small step back: no frame is dropped, no discontinuity", async () => {
    const { source, report, first, count } = await play(
      { seconds: 8 },
      { timestamp: (time) => 1000 + time - (time >= 4000 ? 60 : 0) },
    );
    expect(count).toBe(1);
    expect(first.video.length).toBe(frames(source));
    expect(await playErrors(report.segments)).toBe("");
  });
});

test("another resolution on the same connection: DISCONTINUITY and a new MAP", async () => {
  const live = await stage();
  const [small, large] = [
    await makeSource({ seconds: 6 }),
    await makeSource({ seconds: 6, video: { size: "640x360" } }),
  ];
  const report = await follow(live, async () => {
    const publisher = await publish(live);
    await send(publisher, small);
    publisher.send(large.videoHeader!, 6000, "video");
    await send(publisher, large, { headers: false, timestamp: (time) => time + 6000 });
    await finish(live, publisher);
  });
  const [before, after, ...others] = stretches(report.segments);
  expect(others).toEqual([]);
  expect(before!.video.length + after!.video.length).toBe(frames(small) + frames(large));
  expect(after!.segments[0]!.map).not.toBe(before!.segments[0]!.map);
  expect(report.variant.resolution).toEqual({ width: 640, height: 360 });
  expect(await playErrors(report.segments)).toBe("");
  expect(live.events.map(({ body }) => body.event)).toEqual(["ready", "tracks", "ended"]);
});

test("stereo 48 kHz, then mono 44.1 kHz by a reconnect: DISCONTINUITY, new MAP, the same playlist goes on", async () => {
  const live = await stage();
  const stereo = await makeSource({ seconds: 6 });
  const mono = await makeSource({ seconds: 6, audio: { sampleRate: 44_100, channels: 1 } });
  const report = await follow(live, async () => {
    const first = await publish(live);
    await send(first, stereo);
    await finish(live, first);
    const second = await publish(live);
    await send(second, mono);
    await finish(live, second);
  });
  const all = stretches(report.segments);
  expect(all.length).toBe(2);
  expect(all[1]!.segments[0]).toMatchObject({ discontinuity: true, map: expect.stringMatching(/^e2-/) });
  expect(all[0]!.video.length + all[1]!.video.length).toBe(frames(stereo) + frames(mono));
  expect(all[1]!.segments[0]!.msn).toBe(all[0]!.segments.at(-1)!.msn + 1);
  expect(await playErrors(report.segments)).toBe("");
});

test("a reconnect after 3 s, time stamps from 0: the same playlist goes on", async () => {
  const live = await stage();
  const source = await makeSource({ seconds: 6 });
  const report = await follow(live, async () => {
    const first = await publish(live);
    await send(first, source, { timestamp: (time) => time + 50_000 });
    first.rst();
    await live.event("ended");
    live.clock.skip(3_000);
    const second = await publish(live);
    await send(second, source);
    await finish(live, second);
  });
  const all = stretches(report.segments);
  expect(all.length).toBe(2);
  expect(all[1]!.video.length).toBe(frames(source));
  expect(report.segments.map(({ msn }) => msn)).toEqual(report.segments.map((_, i) => i + 1));
  expect(await playErrors(report.segments)).toBe("");
});

describe("the end", () => {
  test.each(["a TCP reset", "a normal end"])(
    "%s: everything that arrived plays, then ENDLIST, 60 s, nothing",
    async (how) => {
      const live = await stage();
      const source = await makeSource({ seconds: 7 });
      const base = await live.watch(1);
      const report = await follow(live, async () => {
        const publisher = await publish(live);
        await send(publisher, source);
        if (how === "a normal end") await finish(live, publisher);
        else {
          await publisher.flushed();
          await expect.poll(() => live.live.running()[0]?.progress.bytes_in).toBe(payloadBytes(source));
          publisher.rst();
          await live.event("ended");
        }
        // The key is free at once, and who takes it and sends nothing changes nothing.
        const next = await publish(live);
        next.rst();
      });
      const [only] = stretches(report.segments);
      expect(only!.video.length).toBe(frames(source));
      expect(only!.audio.length).toBeGreaterThanOrEqual(frames(source, "audio") - 1);
      expect(only!.duration).toBeCloseTo(7, 1);
      expect(report.last.ended).toBe(true);
      live.clock.skip(LINGER_MS - 1000);
      expect((await fetch(`${base}source.m3u8`)).status).toBe(200);
      live.clock.skip(1000);
      expect((await fetch(`${base}source.m3u8`)).status).toBe(404);
      expect((await fetch(`${base}${report.segments.at(-1)!.uri}`)).status).toBe(404);
    },
  );
});

/** Of the access units alone: FLV's tag headers take 5 and 2 bytes. */
const payloadBytes = (source: Source) =>
  source.tags.reduce((sum, { kind, body }) => sum + body.length - (kind === "video" ? 5 : 2), 0);

test("a silent publisher is let go within 15 s as stalled, and ends as others do", async () => {
  const live = await stage();
  const source = await makeSource({ seconds: 6 });
  const report = await follow(live, async () => {
    const publisher = await publish(live);
    await send(publisher, source);
    await publisher.flushed();
    await expect.poll(() => live.live.running()[0]?.progress.bytes_in).toBe(payloadBytes(source));
    live.clock.skip(14_000);
    expect(live.live.running().length).toBe(1);
    live.clock.skip(1_000);
    expect(await live.event("ended")).toMatchObject({ reason: "stalled", blame: "upstream" });
    await publisher.closed;
  });
  expect(stretches(report.segments)[0]!.video.length).toBe(frames(source));
  expect(report.last.ended).toBe(true);
});

test("starts inside a GOP: from the first keyframe, nothing undecodable", async () => {
  const { source, report, first } = await play({ seconds: 10, video: { gopSeconds: 2 } }, { from: 0.7 });
  expect(first.video[0]!.sync).toBe(true);
  expect(first.video.length).toBe(frames(source) - 60);
  expect(first.audio[0]!.pts).toBeGreaterThanOrEqual(0);
  expect(Math.abs(audioOffset(first, "start"))).toBeLessThan(0.05);
  expect(await playErrors(report.segments)).toBe("");
});

test("audio begins after 3 s, without metadata: plays with audio from then on", async () => {
  const live = await stage();
  const source = { ...(await makeSource({ seconds: 10 })), metadata: null };
  const report = await follow(live, async () => {
    const publisher = await publish(live);
    await send(publisher, { ...source, audioHeader: null }, { seconds: 3, only: ({ kind }) => kind === "video" });
    publisher.send(source.audioHeader!, 3000, "audio");
    await send(publisher, source, { headers: false, from: 3 });
    await finish(live, publisher);
  });
  const [silent, loud, ...others] = stretches(report.segments);
  expect(others).toEqual([]);
  expect(silent!.audio).toEqual([]);
  expect(silent!.video.length + loud!.video.length).toBe(frames(source));
  expect(loud!.segments[0]).toMatchObject({ discontinuity: true, startsWithSync: true });
  expect(loud!.audio.length).toBeGreaterThan(280);
  expect(report.variant.codecs).toEqual([expect.stringMatching(/^avc1/), "mp4a.40.2"]);
  expect(await playErrors(report.segments)).toBe("");
  expect(live.events.map(({ body }) => body.event)).toEqual(["ready", "tracks", "ended"]);
  expect(seconds(source)).toBeGreaterThan(9);
});

test("a second publisher with the same key takes over: viewers see a DISCONTINUITY", async () => {
  const live = await stage();
  const source = await makeSource({ seconds: 6 });
  const report = await follow(live, async () => {
    const first = await publish(live);
    await send(first, source);
    const second = await publish(live);
    await first.closed;
    expect(first.statuses.at(-1)).toMatchObject({ code: "NetStream.Publish.BadName" });
    await send(second, source);
    await finish(live, second);
  });
  const all = stretches(report.segments);
  expect(all.length).toBe(2);
  expect(all[0]!.video.length + all[1]!.video.length).toBe(2 * frames(source));
  expect(live.events.map(({ job_id, body }) => [job_id, body.event, "reason" in body && body.reason])).toEqual([
    ["job1", "ready", false],
    ["job1", "ended", "taken_over"],
    ["job2", "ready", false],
    ["job2", "ended", "finished"],
  ]);
});

test("publishes and sends nothing: not live, playlist 404 at once, closed after 15 s", async () => {
  const live = await stage();
  const base = await live.watch(1);
  const publisher = await publish(live);
  const before = performance.now();
  for (const name of ["index.m3u8", "source.m3u8", "source.m3u8?_HLS_msn=0&_HLS_part=0"]) {
    expect((await fetch(base + name)).status).toBe(404);
  }
  expect(performance.now() - before).toBeLessThan(500);
  expect(live.live.running()).toMatchObject([{ ready: false }]);
  expect(live.events).toEqual([]);
  live.clock.skip(15_000);
  await publisher.closed;
  expect(live.events.map(({ body }) => body)).toMatchObject([{ event: "ended", reason: "stalled" }]);
  expect(live.live.running()).toEqual([]);
});
