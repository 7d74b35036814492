/** One broadcast that the encoder interrupts and changes: one recording, whose parts play one after the other. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { inState, playThrough } from "../e2e/recording-page.ts";
import { decode, Owner, probe } from "../harness/broadcast.ts";
import { launchBrowser } from "../harness/browser.ts";
import { makeSource } from "../harness/h264-source.ts";
import { push } from "../harness/push.ts";
import { feed, openPublisher } from "../harness/rtmp-publisher.ts";
import { NO_RATE_LIMITS, type Sluice, startSluice } from "../harness/sluice.ts";

let sluice: Sluice;
let owner: Owner;
let browser: Browser;
beforeAll(async () => {
  sluice = await startSluice({ env: { SLUICE_ADMIN_PASSWORD: "correct horse battery", ...NO_RATE_LIMITS } });
  owner = new Owner(sluice);
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  await sluice?.stop();
});

const AWAY_S = 3;

/** Video alone for half of the time, then the audio as well. */
async function pushWithLateAudio(seconds: number): Promise<void> {
  const source = await makeSource({ seconds, video: { size: "320x180" } });
  const publisher = await openPublisher({ port: Number(new URL(sluice.rtmp).port) });
  onTestFinished(() => publisher.rst());
  publisher.setChunkSize(4096);
  expect((await publisher.publish(sluice.streamKey)).code).toBe("NetStream.Publish.Start");
  const half = seconds / 2;
  const silent = { ...source, metadata: null, audioHeader: null };
  await feed(publisher, silent, { seconds: half, only: ({ kind }) => kind === "video" });
  await feed(publisher, { ...source, metadata: null }, { from: half });
  await publisher.flushed();
  publisher.deleteStream();
  publisher.fin();
}

test("a reconnect, another resolution and a late audio track: parts in order, gaps where nothing came", async () => {
  const ingest = `${sluice.rtmp}/${sluice.streamKey}`;
  const video = { gopSeconds: 1 };
  await push(ingest, { seconds: 8, video: { ...video, size: "640x360" } }).exited;
  const left = Date.now();
  await new Promise((resolve) => setTimeout(resolve, AWAY_S * 1000));
  await push(ingest, { seconds: 8, video: { ...video, size: "854x480" } }).exited;
  await pushWithLateAudio(8);

  const vod = await owner.settled();
  expect(vod.status).toBe("ready");
  expect(vod.parts.map(({ n, width }) => [n, width])).toEqual([
    [1, 640],
    [2, 854],
    [3, 320],
    [4, 320],
  ]);
  const expected = [8, 8, 4, 4];
  for (const [index, part] of vod.parts.entries()) {
    expect([index, Math.abs(part.duration - (expected[index] ?? 0)) < 1]).toEqual([index, true]);
    const { duration, streams } = await probe(part.download_url ?? "");
    expect(Math.abs(duration - part.duration)).toBeLessThan(0.25);
    expect(streams.map(({ kind }) => kind).sort()).toEqual(index === 2 ? ["video"] : ["audio", "video"]);
    expect(Math.abs((await decode(part.download_url ?? "")) - part.duration)).toBeLessThan(0.25);
  }

  // The first one is the pause; starting the next encoders may have taken long enough to be one too.
  const [gap, ...others] = vod.gaps;
  expect(gap).toMatchObject({ cause: "publisher_away" });
  expect(Math.abs((gap?.at ?? 0) - (vod.parts[0]?.duration ?? 0))).toBeLessThan(0.01);
  const next = Date.parse(vod.started_at) + (vod.parts[0]?.duration ?? 0) * 1000 + (gap?.duration ?? 0) * 1000;
  expect(gap?.duration).toBeGreaterThan(AWAY_S - 0.5);
  expect(next - left).toBeGreaterThan(AWAY_S * 1000 - 500);
  for (const { cause } of others) expect(cause).toBe("publisher_away");

  expect(Math.abs((await decode(vod.playback_url ?? "")) - vod.duration)).toBeLessThan(1);
  const page = await browser.newPage();
  await page.goto(`${sluice.url}/vod/${vod.public_id}`);
  await inState(page, "playing");
  const { widths, end } = await playThrough(page, 2);
  expect(widths.filter((width, index) => width !== widths[index - 1])).toEqual([640, 854, 320]);
  expect(Math.abs(end - vod.duration)).toBeLessThan(1);
});
