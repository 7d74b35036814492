/**
 * CPU and memory of RTMP → HLS per passthrough stream: Sluice's media worker beside nginx with its RTMP module and
 * `ffmpeg -c copy`, with the same 30 publishers (720p30, 2.4 Mb/s, 2 s GOP), no viewers and no recording (what that
 * costs: `recording.ts`), the idle process subtracted.
 *
 *   npx node bench/ingest.ts [runs] [streams]
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Peer, startFfmpeg, startNginx } from "./peers.ts";
import { cpuShare, median, memoryOf } from "./processes.ts";
import { startPublishers } from "./publishers.ts";
import { writeResults } from "./results.ts";
import { startSluicePeer } from "./sluice.ts";
import { CLIP_SECONDS, makeClip } from "./source.ts";

const RUNS = Number(process.argv[2] ?? 5);
const STREAMS = Number(process.argv[3] ?? 30);
const SETTLE_MS = 20_000; // until every peer holds a full window
const MEASURE_SECONDS = 12;
const IDLE_SECONDS = 5;

type Shot = { peer: string; cpu_percent_per_stream: number; memory_mb_per_stream: number; idle_cpu_percent: number };
const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function measure(peer: Peer, clip: string): Promise<Shot> {
  // FFmpeg has one process for each stream: all of it is the price of a stream.
  const perProcess = peer.name.startsWith("ffmpeg");
  const idle = perProcess
    ? { cpu: 0, memory: 0 }
    : { cpu: await cpuShare(peer.pids(), IDLE_SECONDS), memory: memoryOf(peer.pids()) };
  const publishers = await startPublishers(
    clip,
    Array.from({ length: STREAMS }, (_, n) => peer.ingest(n)),
  );
  await sleep(SETTLE_MS);
  const cpu = await cpuShare(peer.pids(), MEASURE_SECONDS);
  const memory = memoryOf(peer.pids());
  if (publishers.failed()) throw new Error(`${peer.name} dropped a publisher`);
  publishers.stop();
  return {
    peer: peer.name,
    cpu_percent_per_stream: ((cpu - idle.cpu) / STREAMS) * 100,
    memory_mb_per_stream: (memory - idle.memory) / STREAMS / 2 ** 20,
    idle_cpu_percent: idle.cpu * 100,
  };
}

const directory = mkdtempSync(path.join(tmpdir(), "sluice-bench-"));
const clip = makeClip(directory);
const megabytesPerSecond = statSync(clip).size / CLIP_SECONDS / 2 ** 20;
const shots: Shot[] = [];
try {
  for (let run = 0; run < RUNS; run++) {
    const starts = [
      () => startSluicePeer(STREAMS),
      () => startNginx(path.join(directory, `nginx${run}`)),
      () => startFfmpeg(path.join(directory, `ffmpeg${run}`), STREAMS, "hls"),
    ];
    for (const start of starts) {
      const peer = await start();
      try {
        const shot = await measure(peer, clip);
        shots.push(shot);
        console.log(`run ${run}`, JSON.stringify(shot));
      } finally {
        await peer.stop();
      }
    }
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}

const of = (peer: string, pick: (shot: Shot) => number) => median(shots.filter((shot) => shot.peer === peer).map(pick));
const cpu = (peer: string) => Number(of(peer, (shot) => shot.cpu_percent_per_stream).toFixed(3));
const memory = (peer: string) => Number(of(peer, (shot) => shot.memory_mb_per_stream).toFixed(1));
writeResults(
  "ingest",
  {
    runs: RUNS,
    streams: STREAMS,
    window_mb: Number((megabytesPerSecond * 12).toFixed(1)),
    cpu_percent_per_stream: {
      sluice: cpu("sluice"),
      "nginx-rtmp": cpu("nginx-rtmp"),
      "ffmpeg -c copy": cpu("ffmpeg -c copy"),
    },
    memory_mb_per_stream: {
      sluice: memory("sluice"),
      "nginx-rtmp": memory("nginx-rtmp"),
      "ffmpeg -c copy": memory("ffmpeg -c copy"),
    },
    cpu_ratio_to_nginx: Number((cpu("sluice") / cpu("nginx-rtmp")).toFixed(2)),
    cpu_ratio_to_ffmpeg: Number((cpu("sluice") / cpu("ffmpeg -c copy")).toFixed(2)),
  },
  shots,
);
process.exit(0);
