/** Recordings as people meet them: a real push, then the watch page, the library, the recording's page and its embed. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, Frame, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { launchBrowser } from "../harness/browser.ts";
import { signIn, type Visit, visit } from "../harness/pages.ts";
import { type Push, push } from "../harness/push.ts";
import { type Sluice, startSluice } from "../harness/sluice.ts";
import { accessibilityFaults, tabOrder } from "../pages/accessibility.ts";

/** A loaded machine is slow, not wrong. */
const PATIENCE_MS = 60_000;
const BROADCAST_S = 26;

let sluice: Sluice;
let browser: Browser;
let elsewhere: Server;
let publisher: Push | undefined;
let owner: Visit;
let vodPath: string;

beforeAll(async () => {
  sluice = await startSluice({ env: { SLUICE_ADMIN_PASSWORD: "correct horse battery" } });
  browser = await launchBrowser();
  owner = await visit(browser);
  await signIn(owner, sluice);
  elsewhere = createServer((request, reply) => {
    reply.setHeader("content-type", "text/html");
    reply.end(
      `<!doctype html><iframe src="${sluice.url}${request.url}" width="640" height="360" allow="autoplay"></iframe>`,
    );
  });
  await new Promise<void>((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  await publisher?.kill();
  await browser?.close();
  elsewhere?.close();
  await sluice?.stop();
});

const open = (page: Page, path: string) => page.goto(sluice.url + path);
const rows = () => owner.page.getByRole("main").getByRole("listitem");
const seekBar = (where: Page | Frame): Locator => where.getByRole("slider", { name: "Seek" });
const inState = (where: Page | Frame, ...states: string[]) =>
  where.waitForSelector(states.map((state) => `[data-state="${state}"]`).join(", "), { timeout: PATIENCE_MS });
const video = (where: Page | Frame) =>
  where.evaluate(() => {
    const { currentTime, duration, paused, playbackRate, videoWidth } = document.querySelector(
      "video",
    ) as HTMLVideoElement;
    return { currentTime, duration, paused, playbackRate, videoWidth };
  });
const time = async (where: Page | Frame) => (await video(where)).currentTime;
const timeNear = (where: Page | Frame, seconds: number) =>
  expect
    .poll(async () => Math.abs((await time(where)) - seconds), { timeout: PATIENCE_MS, message: `at ${seconds} s` })
    .toBeLessThan(1);
/** Menus and dialogs of the owner's page. */
const choose = async (page: Page, entry: string) => {
  await page.getByRole("button", { name: /^More for/ }).click();
  await page.getByRole("menuitem", { name: entry }).click();
};

test("before the first broadcast the library says how to get a recording, and the form that it can be left out", async () => {
  const { page } = owner;
  await open(page, "/library");
  await page.getByRole("heading", { name: "No recordings yet" }).waitFor();
  await page.getByRole("link", { name: "How to publish" }).click();
  await page.getByRole("heading", { name: "My streams", level: 1 }).waitFor();
  await page.getByText("Recorded", { exact: true }).waitFor();
  const record = async () => {
    await page.getByRole("button", { name: "More for Demo" }).click();
    await page.getByRole("menuitem", { name: "Edit" }).click();
    await page.getByRole("switch", { name: "Record" }).click();
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
  };
  await record();
  await page.getByText("Not recorded").waitFor();
  await record();
  await page.getByText("Recorded", { exact: true }).waitFor();
});

test("a broadcast shows in the library at once, and its watch page leads to the recording when it is over", async () => {
  const guest = await visit(browser);
  await open(guest.page, `/watch/${sluice.publicKey}`);
  await open(owner.page, "/library");
  publisher = push(`${sluice.rtmp}/${sluice.streamKey}`, { video: { gopSeconds: 1 }, seconds: BROADCAST_S });
  await inState(guest.page, "playing");
  await rows().first().getByText("Recording", { exact: true }).waitFor({ timeout: PATIENCE_MS });

  // What is being recorded cannot be deleted, and it says why.
  await choose(owner.page, "Delete");
  await owner.page.getByRole("button", { name: "Delete the recording" }).click();
  await owner.page.getByText("It is still being recorded. End the broadcast first").waitFor();
  await owner.page.getByRole("button", { name: "Cancel" }).click();

  await rows().first().getByRole("heading").getByRole("link").click();
  await owner.page.getByText("This is being recorded right now").waitFor();
  await owner.page.getByRole("link", { name: "Watch it live" }).waitFor();
  await open(owner.page, "/library");

  await publisher.exited;
  const link = guest.page.getByRole("link", { name: "Watch the recording" });
  await link.waitFor({ timeout: PATIENCE_MS });
  await rows().first().getByText("Ready", { exact: true }).waitFor({ timeout: PATIENCE_MS });
  await link.click();
  await guest.page.waitForURL(/\/vod\/vod_[A-Za-z0-9_-]+$/);
  vodPath = new URL(guest.page.url()).pathname;
  await inState(guest.page, "playing");
  const seen = await video(guest.page);
  expect(seen.videoWidth).toBe(640);
  expect(Math.abs(seen.duration - BROADCAST_S)).toBeLessThan(1.5);

  // To the stream and back: it is listed below the player.
  await guest.page.getByRole("link", { name: "Demo" }).click();
  await guest.page.getByRole("heading", { name: "Recordings" }).waitFor();
  await guest.page.locator(`main a[href="${vodPath}"]`).first().click();
  await inState(guest.page, "playing");
  await guest.context.close();
  expect(guest.faults).toEqual([]);
});

describe("the recording's page", () => {
  let guest: Visit;
  let page: Page;
  beforeEach(async () => {
    guest = await visit(browser);
    page = guest.page;
    return async () => {
      await guest.context.close();
      expect(guest.faults).toEqual([]);
    };
  });

  test("moves by keys, and says where it is", async () => {
    await open(page, vodPath);
    await inState(page, "playing");
    await page.keyboard.press("k");
    await expect.poll(async () => (await video(page)).paused).toBe(true);
    await page.keyboard.press("5");
    const half = (await video(page)).duration / 2;
    await timeNear(page, half);
    await page.keyboard.press("j");
    await timeNear(page, half - 10);
    await page.keyboard.press("l");
    await timeNear(page, half);
    await seekBar(page).focus();
    await page.keyboard.press("ArrowLeft");
    await timeNear(page, half - 5);
    await page.keyboard.press("Home");
    await timeNear(page, 0);
    await expect.poll(() => seekBar(page).getAttribute("aria-valuetext")).toMatch(/^(0|1) seconds? of 2\d seconds$/);
    await page.keyboard.press("End");
    await inState(page, "playing", "ended");
    await timeNear(page, half * 2);
    await page.keyboard.press("0");
    await page.keyboard.press(">");
    await expect.poll(async () => (await video(page)).playbackRate).toBe(1.25);
  });

  test("moves by the pointer, which sees the picture there before", async () => {
    await open(page, vodPath);
    await inState(page, "playing");
    const bar = await seekBar(page).boundingBox();
    if (!bar) throw new Error("the seek bar is not shown");
    const at = (share: number) => [bar.x + bar.width * share, bar.y + bar.height / 2] as const;
    const picture = page.waitForResponse((reply) => reply.url().includes("/storyboard.jpg"), { timeout: PATIENCE_MS });
    // The storyboard is made after the recording is ready, and comes to a page that is open already.
    await expect
      .poll(
        async () => {
          await page.mouse.move(...at(0.3));
          await page.mouse.move(...at(0.25));
          return page.locator(".sl-tile").isVisible();
        },
        { timeout: PATIENCE_MS, interval: 500 },
      )
      .toBe(true);
    expect((await picture).headers()["content-type"]).toBe("image/jpeg");
    await page.mouse.down();
    await page.mouse.move(...at(0.7), { steps: 5 });
    await page.mouse.up();
    const { duration } = await video(page);
    await expect
      .poll(async () => Math.abs((await time(page)) - duration * 0.7), { timeout: PATIENCE_MS })
      .toBeLessThan(2);
    await inState(page, "playing");
  });

  test("begins where the address says, and where one left off", async () => {
    await open(page, `${vodPath}#t=12`);
    await inState(page, "playing");
    expect(await time(page)).toBeGreaterThanOrEqual(11.9);
    await page.keyboard.press("k");
    const left = await time(page);
    await page.goto("about:blank");
    await open(page, vodPath);
    await inState(page, "playing");
    expect(Math.abs((await time(page)) - left)).toBeLessThan(3);
    await page.getByRole("button", { name: /where you left off\. Start over$/ }).click();
    await timeNear(page, 0.5);
  });

  test("says that the storage is away, and goes on by itself when it is back", async () => {
    let away = false;
    await page.route("**/parts/**", (route) => (away ? route.fulfill({ status: 503, body: "" }) : route.continue()));
    away = true;
    await open(page, vodPath);
    await inState(page, "error");
    await page.getByText("The recording does not load").first().waitFor();
    away = false;
    await inState(page, "playing");
  });

  test("what does not exist is said, and never a page without words", async () => {
    await open(page, "/vod/vod_nonsense00000000");
    await page.getByRole("heading", { name: "No such recording" }).waitFor();
    await open(page, "/embed/vod/vod_nonsense00000000");
    await page.getByText("This recording cannot be shown").first().waitFor();
  });

  test("the embed on another site loads nothing before it is asked to play", async () => {
    const { port } = elsewhere.address() as AddressInfo;
    const media: string[] = [];
    page.on("request", (request) => {
      if (/index\.m3u8|parts\//.test(request.url())) media.push(request.url());
    });
    await page.goto(`http://localhost:${port}${vodPath.replace("/vod/", "/embed/vod/")}`);
    const frame = await (await page.waitForSelector("iframe")).contentFrame();
    if (!frame) throw new Error("the frame has no content");
    await inState(frame, "poster");
    expect(media).toEqual([]);
    expect(await frame.getByRole("link", { name: "Demo" }).getAttribute("href")).toBe(vodPath);
    await frame.locator(".sl-big").click();
    await inState(frame, "playing");
    await expect.poll(() => time(frame), { timeout: PATIENCE_MS }).toBeGreaterThan(1);
  });
});

describe("its owner", () => {
  test("finds it in the library, with a picture, by stream and by status", async () => {
    const { page } = owner;
    await open(page, `/library?stream=${sluice.streamId}`);
    await rows().first().getByText("Ready", { exact: true }).waitFor();
    const image = rows().first().locator("img");
    await image.waitFor({ timeout: PATIENCE_MS });
    await expect.poll(() => image.evaluate((node: HTMLImageElement) => node.naturalWidth)).toBeGreaterThan(0);
    await page.getByRole("combobox", { name: "Status" }).selectOption("Failed");
    await page.getByRole("heading", { name: "Nothing matches" }).waitFor();
    await page.getByRole("button", { name: "Show all" }).click();
    await rows().first().waitFor();
  });

  test("renames it and makes it private: others do not see it any more, the owner still plays it", async () => {
    const { page } = owner;
    await open(page, vodPath);
    await choose(page, "Title and visibility");
    await page.getByRole("textbox", { name: "Title" }).fill("The first one");
    await page.getByRole("radio", { name: "Private" }).check();
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { name: "The first one", level: 1 }).waitFor();
    await page.reload();
    await inState(page, "playing");
    const guest = await visit(browser);
    await open(guest.page, vodPath);
    await guest.page.getByRole("heading", { name: "No such recording" }).waitFor();
    await open(guest.page, `/watch/${sluice.publicKey}`);
    await guest.page.getByRole("heading", { name: "Demo", level: 1 }).waitFor();
    expect(await guest.page.getByText("The first one").count()).toBe(0);
    await guest.context.close();
  });

  test("downloads it as an MP4 file", async () => {
    const { page } = owner;
    await open(page, "/library");
    await choose(page, "Download");
    const download = page.waitForEvent("download");
    await page.getByRole("link", { name: "Download the recording" }).click();
    expect((await download).suggestedFilename()).toMatch(/\.mp4$/);
    await (await download).cancel();
  });

  test.each(["/library", "vod"].flatMap((path) => [1280, 360].map((width) => [path, width] as const)))(
    "%s at %i px: names, labels, one heading, a focus that shows, nothing sideways",
    async (path, width) => {
      const seen = await visit(browser, { width, height: 760 });
      await signIn(seen, sluice);
      await open(seen.page, path === "vod" ? vodPath : path);
      await seen.page.getByRole("heading", { level: 1 }).waitFor();
      await seen.page.getByRole("button", { name: /^More for/ }).waitFor();
      expect(await accessibilityFaults(seen.page)).toEqual([]);
      const { stops, unseen } = await tabOrder(seen.page);
      expect(unseen).toEqual([]);
      expect(stops[0]).toBe("Skip to the page");
      expect(stops.length).toBeGreaterThan(5);
      await seen.context.close();
      expect(seen.faults).toEqual([]);
    },
  );

  test("deletes it for good", async () => {
    const { page } = owner;
    await open(page, vodPath);
    await choose(page, "Delete");
    await page.getByRole("button", { name: "Delete the recording" }).click();
    await page.waitForURL(/\/library$/);
    await page.getByRole("heading", { name: "No recordings yet" }).waitFor();
    expect((await page.request.get(`${sluice.url}/api${vodPath}`)).status()).toBe(404);
    expect(owner.faults).toEqual([]);
  });
});
