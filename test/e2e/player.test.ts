/** The player with real pushes: waiting, sound, keys, the embed on another site, revoked access, the end. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, Frame, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launchBrowser } from "../harness/browser.ts";
import { signIn, type Visit, visit } from "../harness/pages.ts";
import { type Push, push } from "../harness/push.ts";
import { type Sluice, startSluice } from "../harness/sluice.ts";

let sluice: Sluice;
let browser: Browser;
let elsewhere: Server;
let publisher: Push | undefined;

beforeAll(async () => {
  sluice = await startSluice({ env: { SLUICE_ADMIN_PASSWORD: "correct horse battery" } });
  browser = await launchBrowser();
  elsewhere = createServer((request, reply) => {
    const source = `${sluice.url}${request.url}`;
    reply.setHeader("content-type", "text/html");
    reply.end(`<!doctype html><iframe src="${source}" width="640" height="360" allow="autoplay; fullscreen"></iframe>`);
  });
  await new Promise<void>((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  await publisher?.kill();
  await browser?.close();
  elsewhere?.close();
  await sluice?.stop();
});

const start = () => {
  publisher = push(`${sluice.rtmp}/${sluice.streamKey}`, { video: { gopSeconds: 1 } });
};
const inState = (where: Page | Frame, ...states: string[]) =>
  where.waitForSelector(states.map((state) => `[data-state="${state}"]`).join(", "), { timeout: 30_000 });
const video = (where: Page | Frame) =>
  where.evaluate(() => {
    const element = document.querySelector("video") as HTMLVideoElement;
    const { currentTime, paused, muted, volume, videoWidth } = element;
    return { currentTime, paused, muted, volume, videoWidth };
  });
const attribute = (where: Page | Frame, name: string) =>
  where.evaluate((name) => document.querySelector("[data-state]")?.getAttribute(name), name);

async function embeddedElsewhere(visitor: Visit): Promise<Frame> {
  const { port } = elsewhere.address() as AddressInfo;
  // By name, not by number: another site than Sluice's.
  await visitor.page.goto(`http://localhost:${port}/embed/stream/${sluice.publicKey}`);
  const handle = await visitor.page.waitForSelector("iframe");
  const frame = await handle.contentFrame();
  if (!frame) throw new Error("the frame has no content");
  return frame;
}

test("the watch page and the embed on another site wait, start by themselves, are counted, and see the end", async () => {
  const guest = await visit(browser);
  const stranger = await visit(browser);
  await guest.page.goto(`${sluice.url}/watch/${sluice.publicKey}`);
  const frame = await embeddedElsewhere(stranger);
  await inState(guest.page, "waiting");
  await inState(frame, "waiting");
  await guest.page.getByText("Waiting for the publisher").first().waitFor();

  start();
  await inState(guest.page, "playing");
  await inState(frame, "playing");
  await expect.poll(async () => (await video(frame)).videoWidth).toBe(640);
  await expect.poll(async () => (await video(frame)).currentTime, { timeout: 10_000 }).toBeGreaterThan(2);
  expect(await attribute(guest.page, "data-live")).toBe("true");
  const link = frame.getByRole("link", { name: "Demo" });
  expect(await link.getAttribute("href")).toBe(`/watch/${sluice.publicKey}`);
  await expect
    .poll(() => guest.page.getByTestId("viewers").textContent(), { timeout: 40_000, interval: 500 })
    .toBe("2");

  await publisher?.stop();
  await inState(guest.page, "ended");
  await inState(frame, "ended");
  await guest.page.getByText("The stream has ended").first().waitFor();
  await guest.page.getByRole("main").getByText("Offline").waitFor();
  await guest.context.close();
  await stranger.context.close();
  expect([...guest.faults, ...stranger.faults]).toEqual([]);
});

describe("while somebody publishes", () => {
  beforeAll(start);
  afterAll(() => publisher?.stop());

  test("keys: play, pause, mute, volume, back and to the live edge", async () => {
    const { page, context } = await visit(browser);
    await page.goto(`${sluice.url}/watch/${sluice.publicKey}`);
    await inState(page, "playing");
    await page.keyboard.press("m");
    expect((await video(page)).muted).toBe(true);
    await page.keyboard.press("m");
    expect((await video(page)).muted).toBe(false);
    await page.locator("[data-state]").focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    expect((await video(page)).volume).toBeCloseTo(0.9, 5);
    await page.keyboard.press("k");
    await expect.poll(() => attribute(page, "data-paused")).toBe("true");
    const before = (await video(page)).currentTime;
    await expect
      .poll(async () => page.evaluate(() => document.querySelector("video")?.seekable.end(0) ?? 0), { timeout: 15_000 })
      .toBeGreaterThan(before + 8);
    await page.keyboard.press("Space");
    await expect.poll(() => attribute(page, "data-behind"), { timeout: 5_000 }).toBe("true");
    await page.getByRole("button", { name: /seconds behind live/ }).click();
    await expect.poll(() => attribute(page, "data-behind"), { timeout: 10_000 }).toBe("false");
    await expect.poll(async () => (await video(page)).currentTime).toBeGreaterThan(before + 5);

    // The volume is the same at the next visit.
    await page.reload();
    await inState(page, "playing");
    expect((await video(page)).volume).toBeCloseTo(0.9, 2);
    await context.close();
  });

  test("the quality menu works by keyboard", async () => {
    const { page, context } = await visit(browser);
    await page.goto(`${sluice.url}/watch/${sluice.publicKey}`);
    await inState(page, "playing");
    await page.getByRole("button", { name: "Quality: Auto" }).press("Enter");
    await page.getByRole("menuitemradio", { name: "Auto" }).and(page.locator(":focus")).waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Quality: 360p" }).and(page.locator(":focus")).waitFor();
    await inState(page, "playing");
    await context.close();
  });

  test("a browser that allows no sound unasked plays muted, and offers it", async () => {
    const strict = await launchBrowser({ autoplay: false });
    const { page } = await visit(strict);
    // Looking into the page from here counts as the user's doing, so the first look comes after the first play.
    let segments = 0;
    page.on("response", (response) => {
      if (response.url().endsWith(".m4s")) segments += 1;
    });
    await page.goto(`${sluice.url}/watch/${sluice.publicKey}`);
    await expect.poll(() => segments, { timeout: 20_000 }).toBeGreaterThan(8);
    await inState(page, "playing");
    expect((await video(page)).muted).toBe(true);
    await page.getByRole("button", { name: "Turn on sound" }).click();
    expect(await video(page)).toMatchObject({ muted: false, paused: false });
    await strict.close();
  });

  test("when access changes, those who may still watch play on and the others are told", async () => {
    const owner = await visit(browser);
    await signIn(owner, sluice);
    const guest = await visit(browser);
    for (const { page } of [owner, guest]) {
      await page.goto(`${sluice.url}/watch/${sluice.publicKey}`);
      await inState(page, "playing");
    }
    const change = (is_public: boolean) =>
      owner.context.request.put(`${sluice.url}/api/streams/${sluice.streamId}`, { data: { is_public } });
    expect((await change(false)).ok()).toBe(true);
    await inState(guest.page, "error");
    expect(await attribute(guest.page, "data-problem")).toBe("refused");
    const before = (await video(owner.page)).currentTime;
    await expect
      .poll(async () => (await video(owner.page)).currentTime, { timeout: 15_000 })
      .toBeGreaterThan(before + 8);
    expect((await change(true)).ok()).toBe(true);
    await guest.page.getByRole("button", { name: "Try again" }).click();
    await inState(guest.page, "playing");
    await owner.context.close();
    await guest.context.close();
  });

  test("the list of one's streams shows the push by itself", async () => {
    const owner = await visit(browser);
    await signIn(owner, sluice);
    await owner.page.goto(`${sluice.url}/streams`);
    const card = owner.page.getByRole("listitem").filter({ hasText: "Demo" });
    await card.getByText("Live", { exact: true }).waitFor();
    await publisher?.stop();
    await card.getByText("Offline").waitFor({ timeout: 20_000 });
    start();
    await card.getByText("Live", { exact: true }).waitFor({ timeout: 20_000 });
    await owner.context.close();
  });
});

test("workerd and the media worker are killed under a viewer: the same page plays on", async () => {
  const { page, context, faults } = await visit(browser);
  start();
  await page.goto(`${sluice.url}/watch/${sluice.publicKey}`);
  await inState(page, "playing");
  await page.evaluate(() => Object.assign(globalThis, { sameDocument: true }));
  const advances = async () => {
    const before = (await video(page)).currentTime;
    await expect.poll(async () => (await video(page)).currentTime, { timeout: 25_000 }).toBeGreaterThan(before + 4);
  };
  await advances();
  for (const pid of sluice.pids().workerd) process.kill(pid, "SIGKILL");
  await advances();
  for (const pid of sluice.pids().media) process.kill(pid, "SIGKILL");
  await publisher?.exited;
  // As an encoder does: again and again until it is let in.
  for (let letIn = false; !letIn; ) {
    start();
    const ended = publisher?.exited.then(() => false);
    letIn = await Promise.race([ended, new Promise<true>((resolve) => setTimeout(() => resolve(true), 1500))]).then(
      Boolean,
    );
  }
  await advances();
  expect(await page.evaluate(() => "sameDocument" in globalThis)).toBe(true);
  await publisher?.stop();
  await inState(page, "ended");
  await context.close();
  expect(faults).toEqual([]);
});
