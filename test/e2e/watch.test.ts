import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { launchBrowser } from "../harness/browser.ts";
import { type Push, type PushOptions, push } from "../harness/push.ts";
import { type Sluice, startSluice } from "../harness/sluice.ts";

const WATCHED_S = process.env.SLUICE_LONG === "1" ? 30 : 15;

let sluice: Sluice;
let browser: Browser;
let running: Push | undefined;

beforeAll(async () => {
  sluice = await startSluice();
  browser = await launchBrowser();
});
afterAll(async () => {
  await running?.kill();
  await browser?.close();
  await sluice?.stop();
});

afterEach(async () => {
  for (const page of browser.contexts().flatMap((context) => context.pages())) await page.close();
  await running?.kill();
  await offline();
});

const start = (options: PushOptions) => {
  running = push(`${sluice.rtmp}/${sluice.streamKey}`, options);
  return running;
};

/** Opens the watch page and counts, from the first moment of playback on, how long the player waited. */
async function watch(): Promise<Page> {
  const page = await browser.newPage();
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
  await page.goto(`${sluice.url}/watch/${sluice.publicKey}`);
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

const offline = async () => {
  await expect
    .poll(
      async () =>
        ((await (await fetch(`${sluice.url}/api/stream/${sluice.publicKey}/info`)).json()) as { is_live: number })
          .is_live,
      {
        timeout: 20_000,
        interval: 200,
      },
    )
    .toBe(0);
};

test("the page waits for the publisher, starts by itself, and plays on after a reconnect inside the grace", async () => {
  const page = await watch();
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
  await offline();
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
  test.each(pushes)("$name", async ({ options, width }) => {
    const publisher = start(options);
    const page = await watch();
    await playing(page);
    const seen = await playFor(page, WATCHED_S);
    expect(seen.width).toBe(width);
    expect(seen.advanced).toBeGreaterThanOrEqual(WATCHED_S - 2);
    expect(seen.waitedSeconds).toBeLessThan(0.5);
    expect(publisher.errors()).toBe("");
    await publisher.stop();
  });
});
