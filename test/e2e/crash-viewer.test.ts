/** A page that is open while processes are killed under it plays on without a reload. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchBrowser } from "../harness/browser.ts";
import { type Push, push } from "../harness/push.ts";
import { type Sluice, startSluice } from "../harness/sluice.ts";

let sluice: Sluice;
let browser: Browser;
let page: Page;
let loads = 0;
let publisher: Push;
let encoding = true;

/** An encoder that reconnects, as they do. */
async function encode(): Promise<void> {
  while (encoding) {
    publisher = push(`${sluice.rtmp}/${sluice.streamKey}`, { video: { gopSeconds: 1 } });
    await publisher.exited;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

beforeAll(async () => {
  sluice = await startSluice();
  browser = await launchBrowser();
  void encode();
  page = await browser.newPage();
  page.on("load", () => {
    loads += 1;
  });
  await page.goto(`${sluice.url}/embed/stream/${sluice.publicKey}`);
  await playsOn(2);
});
afterAll(async () => {
  encoding = false;
  await publisher?.kill();
  await browser?.close();
  await sluice?.stop();
});

/** Plays so many seconds in a row, soon. */
const playsOn = (seconds: number) =>
  page.waitForFunction(
    (seconds) => {
      const video = document.querySelector("video");
      if (!video) return false;
      const seen = video as HTMLVideoElement & { from?: number; last?: number };
      // Jumps to the live edge do not count as playing.
      const jumped = seen.last === undefined || Math.abs(seen.currentTime - seen.last) > 1;
      if (jumped || video.readyState < 3) seen.from = seen.currentTime;
      seen.last = seen.currentTime;
      return seen.currentTime - (seen.from ?? 0) >= seconds;
    },
    seconds,
    { timeout: 30_000, polling: 100 },
  );

test.each(["media", "workerd", "media"] as const)("kill -9: %s", async (victim) => {
  await playsOn(3);
  for (const pid of sluice.pids()[victim]) process.kill(pid, "SIGKILL");
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  await playsOn(5);
  expect(loads).toBe(1);
});
