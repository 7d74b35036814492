/** A viewer of recordings in Chromium: when a picture is on the screen, first and after a seek. */
import type { Browser, Page } from "playwright-core";

const LONGEST_MS = 30_000;
/** A picture farther from what was asked for is one from before the seek. */
const CLOSE_SECONDS = 10;

/** `off`: how far the picture is from what was asked for, in seconds. */
export type Picture = { tookMs: number; off: number };

export type Viewer = {
  /** The first picture, since going to the address. */
  first: Picture;
  /** The picture at `seconds`, since asking for it. */
  seek(seconds: number): Promise<Picture>;
  close(): Promise<void>;
};

/** Opens `url`, whose page holds one video, in a profile with nothing in its cache. */
export async function openViewer(browser: Browser, url: string): Promise<Viewer> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.addInitScript(watchForFirstFrame);
  const begin = Date.now();
  await page.goto(url, { waitUntil: "commit" });
  const { at, mediaTime } = await firstFrame(page);
  return {
    first: { tookMs: at - begin, off: mediaTime },
    seek: (seconds) => seek(page, seconds),
    close: () => context.close(),
  };
}

type WithFirstFrame = typeof globalThis & { firstFrame: Promise<{ at: number; mediaTime: number }> };

/** Runs in the page before anything else. */
function watchForFirstFrame(): void {
  (globalThis as WithFirstFrame).firstFrame = new Promise((resolve) => {
    const look = () => {
      const video = document.querySelector("video");
      if (video) video.requestVideoFrameCallback((_, { mediaTime }) => resolve({ at: Date.now(), mediaTime }));
      else requestAnimationFrame(look);
    };
    look();
  });
}

const firstFrame = (page: Page): Promise<{ at: number; mediaTime: number }> =>
  page.evaluate(
    (longest) =>
      Promise.race([
        (globalThis as WithFirstFrame).firstFrame,
        new Promise<never>((_, reject) => setTimeout(() => reject(new Error("no picture came")), longest)),
      ]),
    LONGEST_MS,
  );

const seek = (page: Page, seconds: number): Promise<Picture> =>
  page.evaluate(
    ({ seconds, close, longest }) =>
      new Promise<Picture>((resolve, reject) => {
        const video = document.querySelector("video") as HTMLVideoElement;
        setTimeout(() => reject(new Error(`no picture at ${seconds} s`)), longest);
        const shown: VideoFrameRequestCallback = (_, { mediaTime }) => {
          const off = mediaTime - seconds;
          if (Math.abs(off) < close) resolve({ tookMs: Date.now() - begin, off });
          else video.requestVideoFrameCallback(shown);
        };
        video.requestVideoFrameCallback(shown);
        const begin = Date.now();
        video.currentTime = seconds;
      }),
    { seconds, close: CLOSE_SECONDS, longest: LONGEST_MS },
  );
