/** Recordings of several parts behind the playlist that the control plane makes of them, in FFmpeg and in Chromium. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { type PlaylistPart, vodPlaylist } from "../../workers/vods/playlist.ts";
import { launchBrowser } from "../harness/browser.ts";
import { makeSource, type Source, type SourceOptions } from "../harness/h264-source.ts";
import { startLive } from "../harness/live-server.ts";
import { type RangeServer, startRangeServer } from "../harness/range-server.ts";
import { play, type RecordedPart, recordingsDir, sealedParts } from "../harness/recordings.ts";
import { feed, openPublisher } from "../harness/rtmp-publisher.ts";
import { runsOf } from "../harness/runs.ts";

const SECONDS = 4;
const PATIENCE_MS = 45_000;
const run = promisify(execFile);

/** One push whose tracks change every few seconds: as many parts. */
async function record(...variants: SourceOptions[]): Promise<RecordedPart[]> {
  const dir = recordingsDir();
  const live = await startLive({ recordingsDir: dir });
  const publisher = await openPublisher({ port: live.rtmpPort });
  onTestFinished(() => publisher.rst());
  publisher.setChunkSize(4096);
  expect((await publisher.publish("s1")).code).toBe("NetStream.Publish.Start");
  for (const [index, variant] of variants.entries()) {
    const source = await makeSource({ seconds: SECONDS, ...variant });
    const timestamp = (t: number) => t + index * SECONDS * 1000;
    // Without metadata, which would say what tracks there are before they come.
    await feed(publisher, { ...source, metadata: null } as Source, { speed: 4, timestamp });
  }
  publisher.deleteStream();
  publisher.fin();
  return sealedParts(dir, variants.length);
}

/** With their playlist. */
async function serve(parts: readonly RecordedPart[]): Promise<RangeServer> {
  const server = await startRangeServer();
  onTestFinished(() => server.stop());
  const described = parts.map(({ part, fragments }): PlaylistPart => ({ ...part, runs: runsOf(part, fragments) }));
  const playlist = vodPlaylist(described);
  server.objects.set("index.m3u8", Buffer.from(playlist));
  const uris = [...new Set(playlist.match(/^parts\/.*$/gm))];
  for (const [index, { bytes }] of parts.entries()) server.objects.set(uris[index] ?? "", bytes);
  return server;
}

/** How many pictures FFmpeg decodes, and all that it complains of. */
async function decoded(server: RangeServer): Promise<{ frames: number; complaints: string }> {
  const args = [
    "-v",
    "error",
    "-i",
    server.url("index.m3u8"),
    "-map",
    "0:v",
    "-vsync",
    "passthrough",
    "-f",
    "framecrc",
    "-",
  ];
  const { stdout, stderr } = await run("ffmpeg", args, { maxBuffer: 1 << 26 });
  return { frames: stdout.split("\n").filter((line) => /^0,/.test(line)).length, complaints: stderr };
}

test.each([
  ["another resolution", [{ video: { size: "640x360" } }, { video: { size: "1280x720" } }]],
  ["another profile, with B-frames", [{ video: { bFrames: 0 } }, { video: { bFrames: 3, size: "640x360" } }]],
  ["sound that comes late", [{ audio: null }, { video: { size: "640x360" } }]],
] satisfies [string, SourceOptions[]][])("%s: FFmpeg decodes it without a complaint", async (_, variants) => {
  const parts = await record(...variants);
  const alone = await Promise.all(parts.map(play));
  const frames = alone.reduce((sum, { streams }) => sum + (streams[0]?.packets ?? 0), 0);
  expect(frames).toBeGreaterThan((variants.length * SECONDS - 1) * 30);
  const { frames: shown, complaints } = await decoded(await serve(parts));
  expect(complaints).toBe("");
  // Each part begins at zero: where time goes back, FFmpeg decodes the first fragment without showing it.
  expect(shown).toBeGreaterThanOrEqual(frames - 15 * (variants.length - 1));
});

test.each([
  ["with sound", {}],
  ["without", { audio: null }],
] satisfies [string, SourceOptions][])(
  "another resolution, %s: Chromium shows both sizes, to the end, and each part by itself",
  async (_, sound) => {
    const sizes = [{ video: { size: "640x360" } }, { video: { size: "1280x720" } }];
    const server = await serve(await record(...sizes.map((size) => ({ ...size, ...sound }))));
    const library = new URL("../../node_modules/hls.js/dist/hls.min.js", import.meta.url);
    server.objects.set("hls.js", await readFile(library));
    server.objects.set(
      "page.html",
      Buffer.from(`<!doctype html><video muted></video><script src="hls.js"></script><script>
      const video = document.querySelector("video");
      window.seen = { widths: [], errors: [], ended: false };
      video.addEventListener("resize", () => seen.widths.push(video.videoWidth));
      video.addEventListener("ended", () => { seen.ended = true; });
      video.addEventListener("error", () => seen.errors.push(video.error.message));
      const hls = new Hls();
      hls.on(Hls.Events.ERROR, (_, { details, fatal }) => { if (fatal) seen.errors.push(details); });
      hls.loadSource("index.m3u8");
      hls.attachMedia(video);
      video.play();
    </script>`),
    );
    const browser = await launchBrowser();
    onTestFinished(() => browser.close());
    const page = await browser.newPage();
    await page.goto(server.url("page.html"));
    const seen = () =>
      page.evaluate(
        () => (globalThis as unknown as { seen: { widths: number[]; errors: string[]; ended: boolean } }).seen,
      );
    await expect
      .poll(seen, { timeout: PATIENCE_MS, interval: 200 })
      .toEqual({ widths: [640, 1280], errors: [], ended: true });
    for (const [index, uri] of [...server.objects.keys()].filter((name) => name.startsWith("parts/")).entries()) {
      await page.goto(server.url("page.html"));
      const width = page.evaluate<number>(`(async () => {
      const video = document.createElement("video");
      video.muted = true;
      video.src = "${server.url(uri)}";
      await video.play();
      video.currentTime = 2;
      await new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
      return video.videoWidth;
    })()`);
      expect(await width).toBe([640, 1280][index]);
    }
  },
);
