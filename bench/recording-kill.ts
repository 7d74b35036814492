/**
 * R13: what a recording loses when the media worker is killed. The whole product records a few streams; all processes
 * of the media worker get SIGKILL at a random moment, the publishers come back, and so on. In the end the recordings
 * are downloaded and compared, frame by frame, with what had been sent by the moment of each kill: whatever lay in the
 * socket, in the worker's memory or in a file that was not synced counts as lost.
 *
 *   npx node bench/recording-kill.ts [kills] [streams]
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Vod } from "../schema/contract/vods.ts";
import { parseFlv, type Source, type SourceTag } from "../test/harness/h264-source.ts";
import { readFragments, readInit } from "../test/harness/mp4.ts";
import { NO_RATE_LIMITS, type Sluice, startSluice } from "../test/harness/sluice.ts";
import { type LoggedPush, startLoggedPush } from "./logged-push.ts";
import { waitFor } from "./peers.ts";
import { median } from "./processes.ts";
import { writeResults } from "./results.ts";
import { type Api, type MadeStream, signIn } from "./sluice.ts";
import { makeClip } from "./source.ts";

const KILLS = Number(process.argv[2] ?? 20);
const STREAMS = Number(process.argv[3] ?? 4);
const MUST_MS = 1000;
/** A media worker that ran for ten seconds is started again without a wait. */
const LEAST_SECONDS = 9.5;
const RANDOM_SECONDS = 2;
const RETURN_MS = 30_000;
const SETTLE_MS = 90_000;
/** Two clocks round the same time: RTMP counts milliseconds, the recording counts samples. */
const ROUNDING_MS = 5;

/** What one kill cost one stream. */
type Shot = { kill: number; stream: number; sent_ms: number; lost_ms: number; lost_bytes: number };
type Recorded = Record<"video" | "audio", { lastMs: number }>;

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
/** Of the tag's body the header of FLV is no media. */
const mediaBytes = ({ kind, body }: SourceTag) => body.length - (kind === "video" ? 5 : 2);

/** Publishes as an encoder does that never gives up. */
async function comeBack(ingest: string, source: Source): Promise<LoggedPush> {
  const deadline = performance.now() + RETURN_MS;
  for (;;) {
    try {
      return await startLoggedPush(ingest, source);
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(100);
    }
  }
}

/** One life of the media worker: all streams push until it is killed. What had been sent then, by stream. */
async function live(sluice: Sluice, streams: MadeStream[], source: Source): Promise<SourceTag[][]> {
  const pushes = await Promise.all(streams.map((stream) => comeBack(`${sluice.rtmp}/${stream.stream_key}`, source)));
  await sleep((LEAST_SECONDS + Math.random() * RANDOM_SECONDS) * 1000);
  const pids = sluice.pids().media;
  for (const push of pushes) push.catchUp();
  for (const pid of pids) process.kill(pid, "SIGKILL");
  for (const push of pushes) push.halt();
  await Promise.all(pushes.map((push) => push.closed));
  return pushes.map((push) => push.sent());
}

/** The parts of all recordings of a stream in the order they were made, once none of them changes any more. */
async function partsOf(api: Api, stream: MadeStream): Promise<string[]> {
  let vods: Vod[] = [];
  const settled = async () => {
    ({ vods } = await api.get<{ vods: Vod[] }>(`/api/library?stream_id=${stream.id}&limit=100`));
    return vods.length > 0 && vods.every(({ status }) => status === "ready");
  };
  await waitFor(settled, `the recordings of stream ${stream.id} were never ready`, SETTLE_MS);
  vods.sort((a, b) => a.started_at.localeCompare(b.started_at));
  const urls: string[] = [];
  for (const { id } of vods) {
    const { vod } = await api.get<{ vod: Vod }>(`/api/library/${id}`);
    urls.push(...vod.parts.map(({ download_url = "" }) => download_url));
  }
  return urls;
}

/** When the last frame of each kind begins, counted from the first one. */
async function download(url: string): Promise<Recorded> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const bytes = Buffer.from(await response.arrayBuffer());
  const fragments = readFragments(bytes, readInit(bytes));
  const lastMs = (kind: "video" | "audio") => {
    const own = fragments.filter(({ track }) => track.kind === kind);
    const [first, last] = [own[0], own.at(-1)];
    if (!first || !last) throw new Error(`a part without ${kind}`);
    const before = last.samples.slice(0, -1).reduce((sum, { duration }) => sum + duration, 0);
    return { lastMs: ((last.decodeTime + before - first.decodeTime) * 1000) / last.track.timescale };
  };
  return { video: lastMs("video"), audio: lastMs("audio") };
}

function compare(sent: SourceTag[], recorded: Recorded): Omit<Shot, "kill" | "stream"> {
  const video = sent.filter(({ kind }) => kind === "video");
  const begin = video[0]?.timestamp ?? 0;
  const sentMs = (video.at(-1)?.timestamp ?? 0) - begin;
  const lost = sent.filter(({ kind, timestamp }) => timestamp - begin > recorded[kind].lastMs + ROUNDING_MS);
  return {
    sent_ms: sentMs,
    lost_ms: Math.max(0, Math.round(sentMs - recorded.video.lastMs)),
    lost_bytes: lost.reduce((sum, tag) => sum + mediaBytes(tag), 0),
  };
}

const directory = mkdtempSync(path.join(tmpdir(), "sluice-bench-"));
const source = parseFlv(readFileSync(makeClip(directory)));
rmSync(directory, { recursive: true });
const sluice = await startSluice({ env: NO_RATE_LIMITS });
const shots: Shot[] = [];
try {
  const api = await signIn(sluice);
  const streams: MadeStream[] = [];
  for (let n = 0; n < STREAMS; n++)
    streams.push(await api.post<MadeStream>("/api/streams", { title: `Kill ${n}`, record: true }));

  const lives: SourceTag[][][] = [];
  for (let kill = 0; kill < KILLS; kill++) lives.push(await live(sluice, streams, source));

  for (const [n, stream] of streams.entries()) {
    const urls = await partsOf(api, stream);
    if (urls.length !== KILLS) throw new Error(`stream ${n} was cut ${KILLS} times and has ${urls.length} parts`);
    for (const [kill, url] of urls.entries()) {
      shots.push({ kill, stream: n, ...compare(lives[kill]?.[n] ?? [], await download(url)) });
    }
  }
} finally {
  await sluice.stop();
}

const milliseconds = shots.map(({ lost_ms }) => lost_ms);
const bytes = shots.map(({ lost_bytes }) => lost_bytes);
const longest = Math.max(...milliseconds);
writeResults(
  "recording-kill",
  {
    kills: KILLS,
    streams: STREAMS,
    R13_lost_ms: { median: median(milliseconds), most: longest },
    lost_bytes: { median: median(bytes), most: Math.max(...bytes) },
    must_ms: MUST_MS,
    ok: longest <= MUST_MS,
  },
  shots,
);
process.exit(0);
