/** Publishers that do what real encoders do, in real time, watched in a real browser: what the viewer notices. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchBrowser } from "../harness/browser.ts";
import { makeSource, type Source, type SourceOptions } from "../harness/h264-source.ts";
import { signIn, type Visit, visit } from "../harness/pages.ts";
import { type FeedOptions, feed, openPublisher, type RtmpPublisher } from "../harness/rtmp-publisher.ts";
import { type Sluice, startSluice } from "../harness/sluice.ts";

let sluice: Sluice;
let browser: Browser;
let owner: Visit;

beforeAll(async () => {
  sluice = await startSluice({ env: { SLUICE_ADMIN_PASSWORD: "correct horse battery" } });
  browser = await launchBrowser();
  owner = await visit(browser);
  await signIn(owner, sluice);
});
afterAll(async () => {
  await browser?.close();
  await sluice?.stop();
});

async function publish(key: string): Promise<RtmpPublisher> {
  const publisher = await openPublisher({ port: Number(new URL(sluice.rtmp.replace("rtmp:", "http:")).port) });
  publisher.setChunkSize(4096);
  expect((await publisher.publish(key)).code).toBe("NetStream.Publish.Start");
  return publisher;
}

function finish(publisher: RtmpPublisher): void {
  publisher.deleteStream();
  publisher.fin();
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

type Plan = {
  name: string;
  first: SourceOptions;
  second?: SourceOptions;
  run(key: string, first: Source, second: Source): Promise<void>;
  /** Seconds of the whole that may be spent waiting, from the first picture on. */
  mayWait: number;
  /** Pictures that must have been shown at the end. */
  pictures: number;
  width?: number;
};

const later = async (key: string, source: Source, missing: "audio" | "video") => {
  const publisher = await publish(key);
  const there = missing === "audio" ? "video" : "audio";
  const bare: Source = { ...source, metadata: null, [`${missing}Header`]: null };
  await feed(publisher, bare, { seconds: 5, only: ({ kind }) => kind === there });
  const header = missing === "audio" ? source.audioHeader : source.videoHeader;
  publisher.send(header!, 5000, missing);
  await feed(publisher, source, { headers: false, from: 5 });
  finish(publisher);
};

const whole = async (key: string, source: Source, options?: FeedOptions) => {
  const publisher = await publish(key);
  await feed(publisher, source, options);
  finish(publisher);
};

const plans: Plan[] = [
  {
    name: "audio begins after 5 s: one short break, then with sound",
    first: { seconds: 12 },
    run: (key, source) => later(key, source, "audio"),
    mayWait: 2,
    // Browsers count anew when the media begins anew.
    pictures: 120,
  },
  {
    name: "video begins after 5 s: one short break, then with pictures",
    first: { seconds: 12 },
    run: (key, source) => later(key, source, "video"),
    mayWait: 2,
    pictures: 120,
  },
  {
    name: "another resolution on the same connection: no break",
    first: { seconds: 6 },
    second: { seconds: 6, video: { size: "640x360" } },
    run: async (key, first, second) => {
      const publisher = await publish(key);
      await feed(publisher, first);
      publisher.send(second.videoHeader!, 6000, "video");
      await feed(publisher, second, { headers: false, timestamp: (timestamp) => timestamp + 6000 });
      finish(publisher);
    },
    mayWait: 0.5,
    pictures: 240,
    width: 640,
  },
  {
    name: "time stamps jump an hour forward: no break",
    first: { seconds: 12 },
    run: async (key, source) => {
      const publisher = await publish(key);
      await feed(publisher, source, { seconds: 6 });
      await feed(publisher, source, { from: 6, headers: false, timestamp: (timestamp) => timestamp + 3_600_000 });
      finish(publisher);
    },
    mayWait: 0.5,
    pictures: 240,
  },
  {
    name: "a reconnect after 2 s with mono sound of another rate: the same playback goes on",
    first: { seconds: 5 },
    second: { seconds: 7, audio: { sampleRate: 44_100, channels: 1 } },
    run: async (key, first, second) => {
      await whole(key, first);
      await wait(2000);
      await whole(key, second);
    },
    mayWait: 3,
    pictures: 240,
  },
  {
    name: "a second publisher takes over: the same playback goes on",
    first: { seconds: 8 },
    run: async (key, source) => {
      const first = await publish(key);
      const feeding = feed(first, source);
      await wait(5000);
      await whole(key, source);
      await feeding;
    },
    mayWait: 1,
    pictures: 240,
  },
  {
    name: "variable frame rate, segments without keyframes: no break",
    first: { seconds: 12, video: { variableRate: true } },
    run: (key, source) => whole(key, source),
    mayWait: 0.5,
    pictures: 40,
  },
  {
    name: "open GOP with B-frames: no break",
    first: { seconds: 12, video: { openGop: true, bFrames: 2 } },
    run: (key, source) => whole(key, source),
    mayWait: 0.5,
    pictures: 220,
  },
];

async function watch(publicKey: string): Promise<Visit> {
  const visitor = await visit(browser);
  await visitor.page.addInitScript(() => {
    const seen = { waited: 0, since: 0, playing: false };
    Object.assign(globalThis, { seen });
    const stop = () => {
      if (seen.playing) seen.since ||= performance.now();
    };
    addEventListener("waiting", stop, true);
    addEventListener("emptied", stop, true);
    addEventListener(
      "playing",
      () => {
        if (seen.since) seen.waited += performance.now() - seen.since;
        seen.since = 0;
        seen.playing = true;
      },
      true,
    );
  });
  await visitor.page.goto(`${sluice.url}/watch/${publicKey}`);
  await visitor.page.waitForSelector('[data-state="waiting"]');
  return visitor;
}

const shown = (page: Page) =>
  page.evaluate(() => {
    const video = document.querySelector("video") as HTMLVideoElement;
    const { seen } = globalThis as unknown as { seen: { waited: number } };
    const quality = video.getVideoPlaybackQuality();
    return { waited: seen.waited / 1000, pictures: quality.totalVideoFrames, width: video.videoWidth };
  });

test.concurrent.for(plans)("$name", async ({ name, first, second, run, mayWait, pictures, width = 320 }) => {
  const [source, other] = await Promise.all([makeSource(first), makeSource(second ?? first)]);
  const reply = await owner.context.request.post(`${sluice.url}/api/streams`, {
    data: { title: name, is_public: true, allow_unauthenticated: true },
  });
  const stream: { id: number; stream_key: string; public_key: string } = await reply.json();
  const { page, context, faults } = await watch(stream.public_key);
  await run(stream.stream_key, source, other);
  const result = await shown(page);
  expect(result.pictures).toBeGreaterThan(pictures);
  expect(result.width).toBe(width);
  expect(result.waited).toBeLessThan(mayWait);
  await context.close();
  expect(faults).toEqual([]);
});
