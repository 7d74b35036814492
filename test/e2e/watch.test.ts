import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, type TestContext, test } from "vitest";
import { Owner } from "../harness/broadcast.ts";
import { launchBrowser } from "../harness/browser.ts";
import { type Push, type PushOptions, push } from "../harness/push.ts";
import { type Sluice, startSluice } from "../harness/sluice.ts";

const WATCHED_S = process.env.SLUICE_LONG === "1" ? 30 : 15;

let sluice: Sluice;
let browser: Browser;
let owner: Owner;

beforeAll(async () => {
  sluice = await startSluice({ env: { SLUICE_ADMIN_PASSWORD: "correct horse battery" } });
  owner = new Owner(sluice);
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  await sluice?.stop();
});

type Stream = { stream_key: string; public_key: string };

/** Pushes to a stream, of which none goes on when the test is over. */
function pushing({ stream_key }: Stream, { onTestFinished }: TestContext) {
  return (options: PushOptions): Push => {
    const running = push(`${sluice.rtmp}/${stream_key}`, options);
    onTestFinished(() => running.kill());
    return running;
  };
}

/** Opens the watch page and counts, from the first moment of playback on, how long the player waited. */
async function watch({ public_key }: Stream, { onTestFinished }: TestContext): Promise<Page> {
  const page = await browser.newPage();
  onTestFinished(() => page.close());
  await page.addInitScript(() => {
    const seen = { waited: 0, since: 0 };
    Object.assign(globalThis, { seen });
    addEventListener(
      "waiting",
      () => {
        seen.since ||= performance.now();
      },
      true,
    );
    addEventListener(
      "playing",
      () => {
        if (seen.since) seen.waited += performance.now() - seen.since;
        seen.since = 0;
      },
      true,
    );
  });
  await page.goto(`${sluice.url}/watch/${public_key}`);
  return page;
}

const playing = (page: Page) =>
  page.waitForFunction(() => (document.querySelector("video")?.currentTime ?? 0) > 0.3, undefined, { timeout: 30_000 });

async function playFor(page: Page, seconds: number) {
  return page.evaluate(async (seconds) => {
    const video = document.querySelector("video") as HTMLVideoElement;
    const counted = (globalThis as unknown as { seen: { waited: number; since: number } }).seen;
    const waited = () => counted.waited + (counted.since ? performance.now() - counted.since : 0);
    const before = { time: video.currentTime, waited: waited() };
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    return {
      advanced: video.currentTime - before.time,
      waitedSeconds: (waited() - before.waited) / 1000,
      width: video.videoWidth,
      height: video.videoHeight,
    };
  }, seconds);
}

test("the page waits for the publisher, starts by itself, and plays on after a reconnect inside the grace", async (context) => {
  const stream = { stream_key: sluice.streamKey, public_key: sluice.publicKey };
  const start = pushing(stream, context);
  const page = await watch(stream, context);
  await page.waitForSelector('[data-state="waiting"]', { timeout: 15_000 });
  const first = start({});
  await playing(page);
  await page.evaluate(() => Object.assign(globalThis, { sameDocument: true }));
  await playFor(page, 6);
  await first.stop();
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const before = await page.evaluate(() => document.querySelector("video")?.currentTime ?? 0);
  const second = start({ video: { size: "854x480" } });
  await page.waitForFunction(() => document.querySelector("video")?.videoWidth === 854, undefined, { timeout: 20_000 });
  const seen = await playFor(page, 8);
  expect(seen.advanced).toBeGreaterThan(6.5);
  expect(await page.evaluate(() => (globalThis as unknown as { sameDocument?: boolean }).sameDocument)).toBe(true);
  expect(await page.evaluate(() => document.querySelector("video")?.currentTime ?? 0)).toBeGreaterThan(before);
  await second.stop();
  await page.waitForFunction(
    () => ["waiting", "ended"].includes(document.querySelector("[data-state]")?.getAttribute("data-state") ?? ""),
    undefined,
    { timeout: 30_000 },
  );
});

describe("a real push is watched in a real browser", () => {
  const pushes: { name: string; options: PushOptions; width: number }[] = [
    { name: "without B-frames", options: { video: { size: "640x360", bFrames: 0 } }, width: 640 },
    { name: "with B-frames", options: { video: { size: "854x480", bFrames: 2 } }, width: 854 },
    { name: "44.1 kHz mono", options: { audio: { sampleRate: 44_100, channels: 1 } }, width: 640 },
    { name: "audio only", options: { video: null }, width: 0 },
    { name: "a GOP of 10 s", options: { video: { gopSeconds: 10 } }, width: 640 },
  ];
  test.concurrent.for(pushes)("$name", async ({ name, options, width }, context) => {
    const json = { title: name, is_public: true, allow_unauthenticated: true };
    const stream = await owner.call<Stream>("/api/streams", { method: "POST", json });
    const publisher = pushing(stream, context)(options);
    const page = await watch(stream, context);
    await playing(page);
    const seen = await playFor(page, WATCHED_S);
    expect(seen.width).toBe(width);
    expect(seen.advanced).toBeGreaterThanOrEqual(WATCHED_S - 2);
    expect(seen.waitedSeconds).toBeLessThan(0.5);
    expect(publisher.errors()).toBe("");
    await publisher.stop();
  });
});
