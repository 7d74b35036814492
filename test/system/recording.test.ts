/** Seconds after a push its recording is there: in the browser, in FFmpeg, by curl, and from the S3 itself. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { GRACE_MS } from "#contract/live";
import type { Vod } from "#contract/vods";
import { inState, pictureTime, reaches, video } from "../e2e/recording-page.ts";
import {
  type BroadcastWorld,
  counting,
  decode,
  Owner,
  objectsOf,
  probe,
  startBroadcastWorld,
  until,
} from "../harness/broadcast.ts";
import { launchBrowser } from "../harness/browser.ts";
import { push } from "../harness/push.ts";
import { NO_RATE_LIMITS, type Sluice, startSluice } from "../harness/sluice.ts";

const run = promisify(execFile);
const PUSHED_S = 30;
/** After the stream's grace. */
const READY_MS = 5_000;

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser?.close());

/** A push that tells the time in its picture; its recording, and how long after its end that was ready. */
async function broadcast(sluice: Pick<Sluice, "rtmp" | "streamKey">, owner: Owner, length: number) {
  const publisher = push(`${sluice.rtmp}/${sluice.streamKey}`, { seconds: length, video: { picture: "bar" } });
  expect(await publisher.exited, publisher.errors()).toBe(0);
  const ended = performance.now();
  const vod = await owner.settled();
  expect(vod.status).toBe("ready");
  return { vod, ready: performance.now() - ended };
}

/** Opened on its page it plays, and a seek into the middle shows what was sent then. */
async function expectToPlayInBrowser(sluice: Pick<Sluice, "url">, vod: Vod): Promise<string[]> {
  const page = await browser.newPage();
  onTestFinished(() => page.close());
  const media: string[] = [];
  page.on("response", (reply) => {
    if (reply.status() === 206) media.push(new URL(reply.url()).origin);
  });
  await page.goto(`${sluice.url}/vod/${vod.public_id}`);
  await inState(page, "playing");
  await reaches(page, 1);
  expect(Math.abs((await video(page)).duration - vod.duration)).toBeLessThan(1);
  const middle = vod.duration / 2;
  await page.evaluate((at) => {
    (document.querySelector("video") as HTMLVideoElement).currentTime = at;
  }, middle);
  await reaches(page, middle + 1);
  const { shown, currentTime } = await pictureTime(page);
  expect(Math.abs(shown - currentTime)).toBeLessThan(0.25);
  expect((await video(page)).painted).toBeGreaterThan(0);
  return [...new Set(media)];
}

/** The playlist's text is the same by curl, and so are the media; FFmpeg plays all of it. */
async function expectToPlayAnywhere(url: string, duration: number): Promise<void> {
  const reply = await fetch(url);
  expect([reply.status, reply.headers.get("content-type")]).toEqual([200, "application/vnd.apple.mpegurl"]);
  const text = await reply.text();
  const curl = async (...args: string[]) => (await run("curl", ["-sSfL", ...args])).stdout;
  expect(await curl(url)).toBe(text);
  const map = /#EXT-X-MAP:URI="([^"]+)",BYTERANGE="(\d+)@(\d+)"/.exec(text);
  const [, uri = "", length, from] = map ?? [];
  const begin = await curl("-r", `${from}-${Number(from) + Number(length) - 1}`, new URL(uri, url).href);
  expect(begin).toContain("ftyp");
  expect(begin).toContain("moov");
  expect(Math.abs((await decode(url)) - duration)).toBeLessThan(1);
}

async function expectToDownload(vod: Vod, length: number): Promise<void> {
  const counted = await counting(vod.download_url ?? "");
  onTestFinished(() => counted.close());
  const { duration, streams } = await probe(counted.url);
  expect(Math.abs(duration - length)).toBeLessThan(1);
  expect(streams.map(({ kind }) => kind).sort()).toEqual(["audio", "video"]);
  const [one, other] = streams.map(({ start }) => start);
  expect(Math.abs((one ?? 0) - (other ?? 0))).toBeLessThan(0.05);
  expect(counted.requests()).toBeLessThanOrEqual(10);
}

describe("with the S3 that comes with it", () => {
  let sluice: Sluice;
  let owner: Owner;
  let vod: Vod;
  beforeAll(async () => {
    sluice = await startSluice({ env: { SLUICE_ADMIN_PASSWORD: "correct horse battery", ...NO_RATE_LIMITS } });
    owner = new Owner(sluice);
  });
  afterAll(() => sluice?.stop());

  test("it is ready seconds after the push, as long as that was, and opens with a few requests", async ({
    annotate,
  }) => {
    const made = await broadcast(sluice, owner, PUSHED_S);
    vod = made.vod;
    await annotate(`ready ${Math.round(made.ready - GRACE_MS)} ms after the grace`);
    expect(made.ready).toBeLessThan(GRACE_MS + READY_MS);
    expect(Math.abs(vod.duration - PUSHED_S)).toBeLessThan(1);
    expect(vod).toMatchObject({ gaps: [], parts: [{ n: 1, width: 640, height: 360 }] });
    await expectToDownload(vod, PUSHED_S);
  });

  test("it plays in the browser, from the middle on as well", async () => {
    expect(await expectToPlayInBrowser(sluice, vod)).toEqual([sluice.url]);
  });

  test("its printed address plays with fetch, curl and FFmpeg", async () => {
    await expectToPlayAnywhere(vod.playback_url ?? "", PUSHED_S);
  });

  test("made private it plays with its token only", async () => {
    await owner.call(`/api/library/${vod.id}`, { method: "PUT", json: { visibility: "private" } });
    const hidden = await owner.recording(vod.id);
    const signed = new URL(hidden.playback_url ?? "");
    expect(signed.searchParams.get("token")).toMatch(/^.{20,}$/);
    await expectToPlayAnywhere(signed.href, PUSHED_S);
    await expectToDownload(hidden, PUSHED_S);
    const bare = signed.origin + signed.pathname;
    for (const url of [bare, new URL("parts/1.mp4", bare).href, `${bare}?token=guess`]) {
      expect([url, (await fetch(url)).status]).toEqual([url, 404]);
    }
  });

  test("deleted it is gone, and nothing of it stays in the bucket", async () => {
    expect(await objectsOf(sluice.s3)).not.toEqual([]);
    await owner.call(`/api/library/${vod.id}`, { method: "DELETE" });
    expect(await owner.recordings()).toEqual([]);
    expect((await fetch(vod.playback_url ?? "")).status).toBe(404);
    await until("an empty bucket", 30, async () => (await objectsOf(sluice.s3)).length === 0);
  });
});

describe("with an S3 that browsers reach", () => {
  let world: BroadcastWorld;
  beforeAll(async () => {
    world = await startBroadcastWorld({ reachable: true });
  });
  afterAll(() => world?.close());

  test("viewers and downloads are sent on to it", async () => {
    const length = 12;
    const { s3, sluice, owner } = world;
    const { vod } = await broadcast(sluice, owner, length);
    expect(await expectToPlayInBrowser(sluice, vod)).toEqual([s3.endpoint]);
    await expectToPlayAnywhere(vod.playback_url ?? "", length);
    const key = [...s3.objects.keys()].find((each) => each.endsWith(".mp4"));
    const before = s3.asked("GetObject").length;
    await expectToDownload(vod, length);
    const opened = s3.asked("GetObject").slice(before);
    expect(opened.length).toBeLessThanOrEqual(10);
    expect(new Set(opened.map((request) => request.key))).toEqual(new Set([key]));
    expect(sluice.logs()).not.toContain(s3.credentials.secretAccessKey);
  });
});
