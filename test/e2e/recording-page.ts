/** A recording's page in a browser: what plays there, and what its picture shows. */
import type { Page } from "playwright-core";
import { expect } from "vitest";
import { BAR_PIXELS_PER_SECOND } from "../harness/push.ts";

/** A loaded machine is slow, not wrong. */
const PATIENCE_MS = 90_000;

export const inState = (page: Page, state: string) =>
  page.waitForSelector(`[data-state="${state}"]`, { timeout: PATIENCE_MS });

export const video = (page: Page) =>
  page.evaluate(() => {
    const media = document.querySelector("video") as HTMLVideoElement;
    const { currentTime, duration, videoWidth } = media;
    return { currentTime, duration, videoWidth, painted: media.getVideoPlaybackQuality().totalVideoFrames };
  });

export const reaches = (page: Page, seconds: number) =>
  expect
    .poll(async () => (await video(page)).currentTime, { timeout: PATIENCE_MS, message: `reaches ${seconds} s` })
    .toBeGreaterThan(seconds);

/** The time that the picture of the `bar` shows, and the one that the player says it is at. */
export const pictureTime = (page: Page) =>
  page.evaluate((speed) => {
    const media = document.querySelector("video") as HTMLVideoElement;
    const canvas = document.createElement("canvas");
    canvas.width = media.videoWidth;
    canvas.height = 1;
    const context = canvas.getContext("2d") as CanvasRenderingContext2D;
    context.drawImage(media, 0, media.videoHeight / 2, canvas.width, 1, 0, 0, canvas.width, 1);
    const { data } = context.getImageData(0, 0, canvas.width, 1);
    let edge = 0;
    while (edge < canvas.width && (data[edge * 4] ?? 0) < 128) edge++;
    return { shown: edge / speed, currentTime: media.currentTime };
  }, BAR_PIXELS_PER_SECOND);

/** Plays from where it is to the end, in less time, and tells the widths it saw on the way. */
export async function playThrough(page: Page, rate = 4): Promise<{ widths: number[]; end: number }> {
  await page.evaluate((playbackRate) => {
    const media = document.querySelector("video") as HTMLVideoElement & { widths: number[] };
    media.widths = [media.videoWidth];
    media.addEventListener("resize", () => media.widths.push(media.videoWidth));
    media.playbackRate = playbackRate;
  }, rate);
  await inState(page, "ended");
  return page.evaluate(() => {
    const media = document.querySelector("video") as HTMLVideoElement & { widths: number[] };
    return { widths: media.widths, end: media.currentTime };
  });
}
