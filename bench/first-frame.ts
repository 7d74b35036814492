/**
 * Time from starting the publisher until a viewer sees a picture: hls.js with its defaults in a headless Chromium,
 * Sluice through its Worker against nginx-rtmp with `hls_fragment 2s`, in turns in one run. The publisher is the same
 * FFmpeg, which sends a prepared clip in real time (2 s GOP).
 *
 *   npx node bench/first-frame.ts [runs]
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Page } from "playwright-core";
import { launchBrowser } from "../test/harness/browser.ts";
import { type Peer, startNginx } from "./peers.ts";
import { median } from "./processes.ts";
import { writeResults } from "./results.ts";
import { startSluicePeer } from "./sluice.ts";
import { makeClip } from "./source.ts";

const RUNS = Number(process.argv[2] ?? 5);
const LONGEST_MS = 30_000;

type Shot = { peer: string; playlist_ms: number; first_part_ms: number | null; first_frame_ms: number };

/** Serves an empty page and hls.js from a neutral origin, so that no peer has the advantage of being same-origin. */
async function servePage(): Promise<{ url: string; close(): void }> {
  const script = readFileSync(createRequire(import.meta.url).resolve("hls.js/dist/hls.min.js"));
  const server = createServer((request, response) => {
    const isScript = request.url === "/hls.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    response.end(
      isScript ? script : "<!doctype html><video muted autoplay playsinline></video><script src=/hls.js></script>",
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close: () => server.close() };
}

/** Runs in the page: polls the playlist, then plays it; the epoch milliseconds of both moments. */
async function watch(page: Page, playlist: string): Promise<{ playlist: number; frame: number }> {
  return page.evaluate(
    async ({ playlist, longest }) => {
      // biome-ignore lint/suspicious/noExplicitAny: hls.js is a global of the page
      const Hls = (globalThis as any).Hls;
      const video = document.querySelector("video") as HTMLVideoElement;
      const deadline = Date.now() + longest;
      while (
        !(await fetch(playlist, { cache: "no-store" }).then(
          (r) => r.ok,
          () => false,
        ))
      ) {
        if (Date.now() > deadline) throw new Error("the playlist never came");
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const found = Date.now();
      const hls = new Hls();
      const frame = new Promise<number>((resolve, reject) => {
        video.requestVideoFrameCallback(() => resolve(Date.now()));
        hls.on(Hls.Events.ERROR, (_: unknown, data: { fatal: boolean; details: string }) => {
          if (data.fatal) reject(new Error(data.details));
        });
        setTimeout(() => reject(new Error("no frame")), longest);
      });
      hls.loadSource(playlist);
      hls.attachMedia(video);
      video.play().catch(() => undefined);
      const at = await frame;
      hls.destroy();
      return { playlist: found, frame: at };
    },
    { playlist, longest: LONGEST_MS },
  );
}

/** Epoch milliseconds when the first LL-HLS part could be downloaded; null for a playlist without parts. */
async function firstPart(master: string): Promise<number | null> {
  const deadline = Date.now() + LONGEST_MS;
  while (Date.now() < deadline) {
    const top = await fetch(master).catch(() => null);
    const rendition = top?.ok ? /^[^#\s].*$/m.exec(await top.text())?.[0] : undefined;
    if (rendition !== undefined) {
      const media = new URL(rendition, master);
      // A stream's first broadcast begins with segment 1: its first part can be asked for by number.
      const text = await (await fetch(`${media}?_HLS_msn=1&_HLS_part=0`)).text();
      const part = /#EXT-X-PART:[^\n]*URI="([^"]+)"/.exec(text)?.[1];
      if (part !== undefined && (await fetch(new URL(part, media))).ok) return Date.now();
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return null;
}

const directory = mkdtempSync(path.join(tmpdir(), "sluice-bench-"));
const clip = makeClip(directory);
const nginx = await startNginx(directory);
const sluice = await startSluicePeer(RUNS + 1);
const browser = await launchBrowser();
const host = await servePage();
const shots: Shot[] = [];
try {
  // The first turn warms caches and is not counted.
  for (let run = 0; run <= RUNS; run++) {
    for (const peer of [nginx, sluice] as Peer[]) {
      const page = await browser.newPage();
      await page.goto(host.url);
      const start = Date.now();
      const push = spawn("ffmpeg", ["-v", "error", "-re", "-i", clip, "-c", "copy", "-f", "flv", peer.ingest(run)], {
        stdio: ["ignore", "ignore", "inherit"],
      });
      const [seen, part] = await Promise.all([
        watch(page, peer.playlist(run)),
        peer === nginx ? null : firstPart(peer.playlist(run)),
      ]);
      push.kill("SIGTERM");
      await page.close();
      const shot = {
        peer: peer.name,
        playlist_ms: seen.playlist - start,
        first_part_ms: part === null ? null : part - start,
        first_frame_ms: seen.frame - start,
      };
      console.log(run === 0 ? "warm-up" : `run ${run}`, JSON.stringify(shot));
      if (run > 0) shots.push(shot);
    }
  }
} finally {
  host.close();
  await browser.close();
  await Promise.all([nginx.stop(), sluice.stop()]);
  rmSync(directory, { recursive: true, force: true });
}

const of = (peer: string, pick: (shot: Shot) => number | null) =>
  median(shots.filter((shot) => shot.peer === peer).flatMap((shot) => pick(shot) ?? []));
const nginxFrame = of("nginx-rtmp", (shot) => shot.first_frame_ms);
const sluiceFrame = of("sluice", (shot) => shot.first_frame_ms);
const sluicePart = of("sluice", (shot) => shot.first_part_ms);
writeResults(
  "first-frame",
  {
    runs: RUNS,
    nginx_first_frame_ms: nginxFrame,
    sluice_first_frame_ms: sluiceFrame,
    sluice_first_part_ms: sluicePart,
    first_frame_ratio: Number((sluiceFrame / nginxFrame).toFixed(2)),
    first_part_ratio: Number((sluicePart / nginxFrame).toFixed(2)),
  },
  shots,
);
process.exit(0);
