/** Real FFmpeg pushes in real time, followed for 20 s by the strict follower, and decoded. */
import { expect, test } from "vitest";
import { followHls } from "../harness/hls-follow.ts";
import { audioOffset, playErrors, stretches } from "../harness/hls-media.ts";
import { startLive } from "../harness/live-server.ts";
import { type PushOptions, push } from "../harness/push.ts";

const SECONDS = 20;

const cases: [string, PushOptions, { codecs: RegExp[]; target: number }][] = [
  ["video and audio", {}, { codecs: [/^avc1/, /^mp4a/], target: 2 }],
  [
    "B-frames, 44.1 kHz mono",
    { video: { bFrames: 3 }, audio: { sampleRate: 44_100, channels: 1 } },
    { codecs: [/^avc1/, /^mp4a/], target: 2 },
  ],
  ["audio only", { video: null }, { codecs: [/^mp4a/], target: 2 }],
  ["video only, 60 fps", { audio: null, video: { rate: 60, size: "320x180" } }, { codecs: [/^avc1/], target: 2 }],
  ["10 s GOP", { video: { gopSeconds: 10 } }, { codecs: [/^avc1/, /^mp4a/], target: 2 }],
];

test.concurrent.for(cases)(
  "%s: every rule holds for 20 s, nothing fails to decode",
  async ([_, options, { codecs, target }], { expect, onTestFinished }) => {
    const server = await startLive({ onTestFinished });
    const publisher = push(`${server.ingest}/s1`, { ...options, seconds: SECONDS + 4 });
    try {
      const report = await followHls({ master: `${await server.watch(1)}index.m3u8`, seconds: SECONDS });
      expect(report.violations).toEqual([]);
      expect(report.variant.codecs).toEqual(codecs.map((codec) => expect.stringMatching(codec)));
      expect(report.last.targetDuration).toBe(target);
      const [only, ...others] = stretches(report.segments);
      expect(others).toEqual([]);
      expect(only!.duration).toBeGreaterThan(SECONDS - 4);
      expect(report.segments.map(({ msn }) => msn)).toEqual(report.segments.map((_, i) => i + 1));
      if (only!.audio.length > 0 && only!.video.length > 0) {
        expect(Math.abs(audioOffset(only!, "start"))).toBeLessThan(0.15);
        expect(Math.abs(audioOffset(only!, "end"))).toBeLessThan(0.15);
      }
      expect(await playErrors(report.segments)).toBe("");
      expect(publisher.errors()).toBe("");
    } finally {
      await publisher.stop();
    }
  },
);

test("a player that only polls gets the same", async () => {
  const server = await startLive();
  const publisher = push(`${server.ingest}/s1`, { seconds: 14 });
  const report = await followHls({ master: `${await server.watch(1)}index.m3u8`, seconds: 10, blocking: false });
  expect(report.violations).toEqual([]);
  expect(report.segments.length).toBeGreaterThan(4);
  await publisher.stop();
});
