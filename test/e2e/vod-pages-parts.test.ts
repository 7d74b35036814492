/** One broadcast of many parts in a browser: the publisher falls out, comes back in another size, without sound, with it. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchBrowser } from "../harness/browser.ts";
import { signIn, visit } from "../harness/pages.ts";
import { type PushOptions, push } from "../harness/push.ts";
import { type Sluice, startSluice } from "../harness/sluice.ts";

const PATIENCE_MS = 60_000;

let sluice: Sluice;
let browser: Browser;

beforeAll(async () => {
  sluice = await startSluice({ env: { SLUICE_ADMIN_PASSWORD: "correct horse battery" } });
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  await sluice?.stop();
});

/** Each begins within the grace of the one before. */
const PUSHES: PushOptions[] = [
  { seconds: 8, video: { size: "640x360", gopSeconds: 1 } },
  { seconds: 8, video: { size: "854x480", gopSeconds: 1 } },
  { seconds: 6, video: { size: "640x360", gopSeconds: 1 }, audio: null },
  { seconds: 6, video: { size: "640x360", gopSeconds: 1 } },
];

type Vod = {
  public_id: string;
  duration: number;
  gaps: { at: number; cause: string }[];
  parts: { duration: number }[];
};

/** The newest recording, once all are ready. */
async function recorded(page: Page): Promise<Vod> {
  let vod: Vod | undefined;
  await expect
    .poll(
      async () => {
        const { vods } = await (await page.request.get(`${sluice.url}/api/library`)).json();
        vod = vods[0];
        return vods.length > 0 && vods.every(({ status }: { status: string }) => status === "ready");
      },
      { timeout: PATIENCE_MS, interval: 500 },
    )
    .toBe(true);
  return vod as Vod;
}

const playing = (page: Page) =>
  page.evaluate(() => {
    const media = document.querySelector("video") as HTMLVideoElement & { webkitAudioDecodedByteCount: number };
    const { currentTime, videoWidth, webkitAudioDecodedByteCount } = media;
    return { currentTime, videoWidth, heard: webkitAudioDecodedByteCount };
  });

test("it is one recording that plays through, from any place to any other, and says what is missing", async () => {
  for (const options of PUSHES) {
    await push(`${sluice.rtmp}/${sluice.streamKey}`, options).exited;
    // Long enough to be told as a gap.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
  }
  const visitor = await visit(browser);
  const { page } = visitor;
  await signIn(visitor, sluice);
  const vod = await recorded(page);
  expect(vod.parts).toHaveLength(PUSHES.length);
  const begins = vod.parts.map((_part, index) =>
    vod.parts.slice(0, index).reduce((sum, { duration }) => sum + duration, 0),
  );
  const [, second = 0, third = 0, fourth = 0] = begins;

  await page.goto(`${sluice.url}/vod/${vod.public_id}#t=${second - 3}`);
  await page.waitForSelector('[data-state="playing"]', { timeout: PATIENCE_MS });
  expect((await playing(page)).videoWidth).toBe(640);
  const reaches = (seconds: number) =>
    expect
      .poll(async () => (await playing(page)).currentTime, { timeout: PATIENCE_MS, message: `reaches ${seconds} s` })
      .toBeGreaterThan(seconds);
  // Over another size, the loss of the sound and its return, to the end.
  await reaches(second + 1);
  expect((await playing(page)).videoWidth).toBe(854);
  await reaches(third + 1);
  const silent = await playing(page);
  expect(silent).toMatchObject({ videoWidth: 640, heard: 0 });
  await reaches(fourth + 1);
  await expect.poll(async () => (await playing(page)).heard, { timeout: PATIENCE_MS }).toBeGreaterThan(0);
  await page.waitForSelector('[data-state="ended"]', { timeout: PATIENCE_MS });

  // Back over all of it at once.
  await page.getByRole("slider", { name: "Seek" }).focus();
  await page.keyboard.press("Home");
  await page.waitForSelector('[data-state="playing"]', { timeout: PATIENCE_MS });
  await reaches(1);
  const first = await playing(page);
  expect(first.currentTime).toBeLessThan(second);
  expect(first.heard).toBeGreaterThan(0);

  // The breaks are marked, described, and places to go to.
  await expect.poll(() => page.locator(".sl-gap").count()).toBe(vod.gaps.length);
  expect(vod.gaps.length).toBeGreaterThan(0);
  await page.getByRole("heading", { name: "What is missing" }).waitFor();
  await page.getByRole("main").getByText("the publisher was away").first().waitFor();
  await page.getByRole("heading", { name: "Parts" }).waitFor();
  const parts = page.locator("section").filter({ has: page.getByRole("heading", { name: "Parts" }) });
  await parts.getByRole("link").nth(1).click();
  await expect
    .poll(async () => Math.abs((await playing(page)).currentTime - second), { timeout: PATIENCE_MS })
    .toBeLessThan(2);

  // Each part is a file of its own.
  await page.getByRole("button", { name: /^More for/ }).click();
  await page.getByRole("menuitem", { name: "Download" }).click();
  await page.getByRole("link", { name: `Download part ${PUSHES.length}` }).waitFor();
  await visitor.context.close();
  expect(visitor.faults).toEqual([]);
});

test("sound alone plays, with something to look at", async () => {
  const visitor = await visit(browser);
  const { page } = visitor;
  await signIn(visitor, sluice);
  const before = (await recorded(page)).public_id;
  const publisher = push(`${sluice.rtmp}/${sluice.streamKey}`, { seconds: 8, video: null });
  await expect
    .poll(async () => (await (await page.request.get(`${sluice.url}/api/library`)).json()).vods[0].public_id, {
      timeout: PATIENCE_MS,
      interval: 500,
    })
    .not.toBe(before);
  await publisher.exited;
  const vod = await recorded(page);
  await page.goto(`${sluice.url}/vod/${vod.public_id}`);
  await page.waitForSelector('[data-state="playing"][data-audio-only="true"]', { timeout: PATIENCE_MS });
  await page.getByText("Audio only").first().waitFor();
  await expect.poll(async () => (await playing(page)).currentTime, { timeout: PATIENCE_MS }).toBeGreaterThan(2);
  await visitor.context.close();
  expect(visitor.faults).toEqual([]);
});
