/** Recordings that browsers get from the bucket itself: by a redirect, under the bucket's CORS rules. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { launchBrowser } from "../harness/browser.ts";
import { visit } from "../harness/pages.ts";
import { push } from "../harness/push.ts";
import { S3Stub } from "../harness/s3-stub.ts";
import { type Sluice, startSluice } from "../harness/sluice.ts";

const PATIENCE = { timeout: 60_000, interval: 250 };
/** What the README says. */
const RULES = `<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>
  <AllowedMethod>HEAD</AllowedMethod><AllowedHeader>Range</AllowedHeader><ExposeHeader>ETag</ExposeHeader>
  </CORSRule></CORSConfiguration>`;

const s3 = new S3Stub();
let sluice: Sluice;
let browser: Browser;
let vod: { public_id: string; status: string; thumbnail_url: string | null };

beforeAll(async () => {
  await s3.start();
  const { accessKeyId, secretAccessKey } = s3.credentials;
  sluice = await startSluice({
    env: {
      S3_ENDPOINT: s3.endpoint,
      // Another name of the same, so that it is another origin.
      S3_PUBLIC_ENDPOINT: s3.endpoint.replace("127.0.0.1", "localhost"),
      S3_BUCKET: s3.bucket,
      S3_ACCESS_KEY_ID: accessKeyId,
      S3_SECRET_ACCESS_KEY: secretAccessKey,
    },
  });
  browser = await launchBrowser();
  await push(`${sluice.rtmp}/${sluice.streamKey}`, { seconds: 10, video: { size: "320x180", gopSeconds: 1 } }).exited;
  await vi.waitFor(async () => {
    const reply = await fetch(`${sluice.url}/api/vod?stream=${sluice.publicKey}`);
    [vod] = (await reply.json()).vods;
    expect(vod).toMatchObject({ status: "ready", thumbnail_url: expect.any(String) });
  }, PATIENCE);
});
afterAll(async () => {
  await browser?.close();
  await sluice?.stop();
  await s3.close();
});

const place = (page: Page) => page.evaluate(() => document.querySelector("video")?.currentTime ?? 0);

test("they play from there, and from where the viewer wants", async () => {
  s3.cors = RULES;
  const before = s3.requests.length;
  const { page, context, faults } = await visit(browser);
  await page.goto(`${sluice.url}/vod/${vod.public_id}`);
  await expect.poll(() => place(page), PATIENCE).toBeGreaterThan(1);
  await page.evaluate(() => {
    const video = document.querySelector("video");
    if (video) video.currentTime = 7;
  });
  await expect.poll(() => place(page), PATIENCE).toBeGreaterThan(7.5);
  const ranges = s3.requests.slice(before).filter(({ operation }) => operation === "GetObject");
  expect(ranges.filter(({ range, status }) => range !== null && status === 206).length).toBeGreaterThan(1);
  expect(faults).toEqual([]);
  await context.close();
});

test("a bucket without the rules: the page says that it does not load, and goes on once they are there", async () => {
  s3.cors = null;
  const { page, context } = await visit(browser);
  await page.goto(`${sluice.url}/vod/${vod.public_id}`);
  await page.getByText("The recording does not load").first().waitFor({ timeout: PATIENCE.timeout });
  s3.cors = RULES;
  await expect.poll(() => place(page), PATIENCE).toBeGreaterThan(0.5);
  await context.close();
});
