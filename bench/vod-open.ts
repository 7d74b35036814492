/**
 * R17: how much a viewer has to load, and how long it takes, until a 3 h recording shows a picture, at its begin and
 * at 2 h: `ffprobe` and a plain `<video>` on the download address, Chromium on the embedded player, everything behind a
 * counting proxy. Beside it, `ffprobe` on what `ffmpeg -c copy -movflags frag_keyframe+empty_moov` makes of the same
 * media, which is as crash-proof and has no index.
 *
 * The recording is the product's own (`long-recording.ts`).
 *
 *   npx node bench/vod-open.ts [--minutes 180] [--runs 5]
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs, promisify } from "node:util";
import { launchBrowser } from "../test/harness/browser.ts";
import { type CountingProxy, type Passed, startCountingProxy } from "./counting-proxy.ts";
import { serveFile, servePage } from "./file-server.ts";
import { type LongRecording, startWithRecording } from "./long-recording.ts";
import { freePort } from "./peers.ts";
import { median } from "./processes.ts";
import { writeResults } from "./results.ts";
import { makeClip } from "./source.ts";
import { openViewer, type Picture, type Viewer } from "./vod-viewer.ts";

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "180" }, runs: { type: "string", default: "5" } },
});
const RUNS = Number(values.runs);
const SECONDS = Number(values.minutes) * 60;
const SEEK_SECONDS = Math.floor((SECONDS * 2) / 3);
/** Without an index the number of requests grows with the length; half an hour is enough to see how. */
const PEER_SECONDS = Math.min(SECONDS, 1800);
const MUST = { requests: 10, megabytes: 20, seek_s: 2 };
const CLIP_SECONDS = 60;
const BYTES_PER_SECOND = 320_000;
const QUIET_MS = 500;
const QUIET_MOST_MS = 5000;

type Shot = {
  what: string;
  seconds: number;
  /** Whatever was asked for, the player's own files included. */
  requests: number;
  /** Of the recording: its description, playlist, ranges and pictures. */
  media_requests: number;
  megabytes: number;
  /** How far the picture is from the time that was asked for, in seconds. */
  off_s: number;
};

const run = promisify(execFile);
const isMedia = ({ path: asked }: Passed) => asked.startsWith("/api/");

/** Runs `action` and tells what passed the proxy meanwhile. */
async function shoot(what: string, proxy: CountingProxy, action: () => Promise<Picture>): Promise<Shot> {
  await proxy.quiet(QUIET_MS, QUIET_MOST_MS);
  const from = proxy.passed.length;
  const bytesBefore = total(proxy.passed);
  const { tookMs, off } = await action();
  const passed = proxy.passed.slice(from);
  const shot = {
    what,
    seconds: tookMs / 1000,
    requests: passed.length,
    media_requests: passed.filter(isMedia).length,
    megabytes: (total(proxy.passed) - bytesBefore) / 1e6,
    off_s: off,
  };
  console.log(JSON.stringify(shot));
  return shot;
}

const total = (passed: Passed[]) => passed.reduce((sum, { bytes }) => sum + bytes, 0);

/** The duration, and the picture at `from` seconds. */
async function probe(url: string, from = 0): Promise<Picture> {
  const begin = performance.now();
  // biome-ignore format: one option per word reads better in groups
  const { stdout } = await run("ffprobe", [
    "-v", "error", "-of", "json", "-select_streams", "v", "-read_intervals", `${from}%+#1`,
    "-show_entries", "format=duration:frame=pts_time", url,
  ]);
  const tookMs = performance.now() - begin;
  const { frames, format } = JSON.parse(stdout) as { frames: { pts_time: string }[]; format: { duration?: string } };
  if (!(Number(format.duration) > 0) || frames[0] === undefined) throw new Error("ffprobe found nothing");
  return { tookMs, off: Number(frames[0].pts_time) - from };
}

async function fragmented(directory: string, clip: string): Promise<string> {
  const file = path.join(directory, "peer.mp4");
  // biome-ignore format: one option per word reads better in groups
  await run("ffmpeg", [
    "-v", "error", "-y", "-stream_loop", String(Math.ceil(PEER_SECONDS / CLIP_SECONDS) - 1), "-i", clip, "-t", String(PEER_SECONDS),
    "-c", "copy", "-movflags", "frag_keyframe+empty_moov", file,
  ]);
  return file;
}

const directory = mkdtempSync(path.join(tmpdir(), "sluice-bench-"));
const { bavail, bsize } = statfsSync(directory);
// At worst the spool, the object's slices and the object itself are there at a time.
if (bavail * bsize < 3.5 * SECONDS * BYTES_PER_SECOND) throw new Error(`${directory} has too little room`);

const shots: Shot[] = [];
const ends: (() => unknown)[] = [() => rmSync(directory, { recursive: true, force: true })];
let recording: LongRecording;
try {
  const clip = makeClip(directory, CLIP_SECONDS);
  const port = await freePort();
  const proxy = await startCountingProxy(port);
  ends.unshift(() => proxy.close());
  const options = {
    data: path.join(directory, "data"),
    env: {
      SLUICE_PORT: String(port),
      SLUICE_PUBLIC_URL: proxy.origin,
      SLUICE_ADMIN_PASSWORD: "a password of the bench",
    },
  };
  const made = await startWithRecording(options, clip, SECONDS);
  ends.unshift(() => made.sluice.stop());
  recording = made;
  console.log(`uploaded in ${Math.round(made.uploadSeconds)} s`);
  const { public_id, download_url = "" } = made.vod;

  const peerServer = await serveFile(await fragmented(directory, clip), "video/mp4");
  ends.unshift(() => peerServer.close());
  const peer = await startCountingProxy(peerServer.port);
  ends.unshift(() => peer.close());
  const filePage = await servePage(download_url);
  ends.unshift(() => filePage.close());
  const browser = await launchBrowser();
  ends.unshift(() => browser.close());

  for (let turn = 0; turn < RUNS; turn++) {
    shots.push(await shoot("ffprobe: open", proxy, () => probe(download_url)));
    shots.push(await shoot("ffprobe: open at 2/3", proxy, () => probe(download_url, SEEK_SECONDS)));
    for (const [name, url] of [
      ["page", `${proxy.origin}/embed/vod/${public_id}?autoplay=1`],
      ["file", `http://127.0.0.1:${filePage.port}/`],
    ] as const) {
      let viewer: Viewer | undefined;
      const open = async () => {
        viewer = await openViewer(browser, url);
        return viewer.first;
      };
      shots.push(await shoot(`${name}: first frame`, proxy, open));
      shots.push(await shoot(`${name}: seek to 2/3`, proxy, () => (viewer as Viewer).seek(SEEK_SECONDS)));
      await viewer?.close();
    }
    shots.push(await shoot("peer, ffprobe: open", peer, () => probe(`${peer.origin}/peer.mp4`)));
  }
} finally {
  for (const end of ends) await end();
}

const names = [...new Set(shots.map(({ what }) => what))];
const of = (what: string, pick: (shot: Shot) => number) => median(shots.filter((shot) => shot.what === what).map(pick));
const figures = Object.fromEntries(
  names.map((what) => [
    what,
    {
      requests: of(what, (shot) => shot.requests),
      media_requests: of(what, (shot) => shot.media_requests),
      megabytes: Number(of(what, (shot) => shot.megabytes).toFixed(2)),
      seconds: Number(of(what, (shot) => shot.seconds).toFixed(2)),
      off_s: Number(of(what, (shot) => shot.off_s).toFixed(2)),
    },
  ]),
);
const opened = names.filter((what) => !what.startsWith("peer"));
writeResults(
  "vod-open",
  {
    runs: RUNS,
    recording: { seconds: recording.vod.duration, megabytes: Math.round(recording.vod.size / 1e6) },
    seek_to_s: SEEK_SECONDS,
    peer_seconds: PEER_SECONDS,
    upload_s: Math.round(recording.uploadSeconds),
    R17: figures,
    must: MUST,
    ok: opened.every((what) => {
      const { media_requests, megabytes, seconds } = figures[what]!;
      return (
        media_requests <= MUST.requests &&
        megabytes <= MUST.megabytes &&
        (!what.includes("seek") || seconds <= MUST.seek_s)
      );
    }),
  },
  shots,
);
process.exit(0);
