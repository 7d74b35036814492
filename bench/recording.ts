/**
 * What recording costs per stream: Sluice with recording on beside Sluice with it off (the difference is recording,
 * upload to the local S3 included) and beside one `ffmpeg -c copy` to an MP4 file for each stream. All three take the
 * same publishers (720p30, 2.4 Mb/s, 2 s GOP) at the same time, so that whatever else the machine does meets all.
 * The control plane and the local S3 are no part of a media worker: what they need is counted apart.
 *
 *   npx node bench/recording.ts [runs] [streams]
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { SLICE_BYTES } from "../schema/contract/recording.ts";
import { startFfmpeg } from "./peers.ts";
import { cpuOf, median, memoryOf } from "./processes.ts";
import { startPublishers } from "./publishers.ts";
import { writeResults } from "./results.ts";
import { startSluicePeer } from "./sluice.ts";
import { CLIP_SECONDS, makeClip } from "./source.ts";

const RUNS = Number(process.argv[2] ?? 5);
const STREAMS = Number(process.argv[3] ?? 30);
/** Until every packager holds a full window. */
const SETTLE_SECONDS = 12;
const IDLE_SECONDS = 5;

/** Processes that are one figure; with what they need before a stream comes, to be subtracted. */
type Subject = { name: string; pids(): number[]; idles: boolean };
/** Of all streams together: CPU seconds per second, bytes. */
type Load = { cpu: number; memory: number };
type Shot = Record<string, { cpu_percent_per_stream: number; memory_mb_per_stream: number }>;

const sleep = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** The load of each subject over the same `seconds`; memory as it is at their end. */
async function loads(subjects: Subject[], seconds: number): Promise<Load[]> {
  const pids = subjects.map((subject) => subject.pids());
  const before = pids.map(cpuOf);
  const begin = performance.now();
  await sleep(seconds);
  const took = (performance.now() - begin) / 1000;
  return pids.map((ids, n) => ({ cpu: (cpuOf(ids) - (before[n] ?? 0)) / took, memory: memoryOf(ids) }));
}

async function measure(clip: string, measureSeconds: number, directory: string): Promise<Shot> {
  const started: { stop(): Promise<void> }[] = [];
  const keep = <T extends { stop(): Promise<void> }>(peer: T): T => {
    started.push(peer);
    return peer;
  };
  try {
    const off = keep(await startSluicePeer(STREAMS));
    const on = keep(await startSluicePeer(STREAMS, { record: true }));
    const ffmpeg = keep(await startFfmpeg(directory, STREAMS, "mp4"));
    const subjects: Subject[] = [
      { name: "off", pids: off.pids, idles: true },
      { name: "on", pids: on.pids, idles: true },
      { name: "edge off", pids: off.edgePids, idles: true },
      { name: "edge on", pids: on.edgePids, idles: true },
      // One process for each stream: all of it is the price of a stream.
      { name: "ffmpeg", pids: ffmpeg.pids, idles: false },
    ];
    const idle = await loads(subjects, IDLE_SECONDS);
    // Stream by stream, so that no peer is served after another.
    const urls = Array.from({ length: STREAMS }, (_, n) => [off, on, ffmpeg].map((peer) => peer.ingest(n))).flat();
    const publishers = await startPublishers(clip, urls);
    try {
      await sleep(SETTLE_SECONDS);
      const busy = await loads(subjects, measureSeconds);
      if (publishers.failed()) throw new Error("a publisher was dropped");
      return Object.fromEntries(
        subjects.map(({ name, idles }, n) => {
          const load = busy[n] as Load;
          const base = idles ? (idle[n] as Load) : { cpu: 0, memory: 0 };
          return [
            name,
            {
              cpu_percent_per_stream: ((load.cpu - base.cpu) / STREAMS) * 100,
              memory_mb_per_stream: (load.memory - base.memory) / STREAMS / 2 ** 20,
            },
          ];
        }),
      );
    } finally {
      publishers.stop();
    }
  } finally {
    await Promise.all(started.map((peer) => peer.stop()));
  }
}

const directory = mkdtempSync(path.join(tmpdir(), "sluice-bench-"));
const shots: Shot[] = [];
try {
  const clip = makeClip(directory);
  // Each stream fills one slice in this time, so that exactly one upload of each is measured.
  const measureSeconds = SLICE_BYTES / (statSync(clip).size / CLIP_SECONDS);
  for (let run = 0; run < RUNS; run++) {
    const recordings = path.join(directory, `run${run}`);
    const shot = await measure(clip, measureSeconds, recordings);
    rmSync(recordings, { recursive: true });
    shots.push(shot);
    console.log(`run ${run}`, JSON.stringify(shot));
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}

const cpu = (name: string) => shots.map((shot) => shot[name]?.cpu_percent_per_stream ?? Number.NaN);
const memory = (name: string) => shots.map((shot) => shot[name]?.memory_mb_per_stream ?? Number.NaN);
/** Median of the differences run by run: what disturbed a run disturbed both of its sides. */
const difference = (on: number[], off: number[]) => median(on.map((value, n) => value - (off[n] ?? Number.NaN)));
const percent = (value: number) => Number(value.toFixed(3));
const megabytes = (value: number) => Number(value.toFixed(2));
const recordingCpu = difference(cpu("on"), cpu("off"));
writeResults(
  "recording",
  {
    runs: RUNS,
    streams: STREAMS,
    cpu_percent_per_stream: {
      "sluice, not recording": percent(median(cpu("off"))),
      "sluice, recording": percent(median(cpu("on"))),
      "recording alone": percent(recordingCpu),
      "ffmpeg -c copy to mp4": percent(median(cpu("ffmpeg"))),
      "control plane and S3, for recording": percent(difference(cpu("edge on"), cpu("edge off"))),
    },
    memory_mb_per_stream: {
      "sluice, not recording": megabytes(median(memory("off"))),
      "sluice, recording": megabytes(median(memory("on"))),
      "recording alone": megabytes(difference(memory("on"), memory("off"))),
      "ffmpeg -c copy to mp4": megabytes(median(memory("ffmpeg"))),
      "control plane and S3, for recording": megabytes(difference(memory("edge on"), memory("edge off"))),
    },
    recording_cpu_ratio_to_ffmpeg: Number((recordingCpu / median(cpu("ffmpeg"))).toFixed(2)),
    sluice_recording_cpu_ratio_to_ffmpeg: Number((median(cpu("on")) / median(cpu("ffmpeg"))).toFixed(2)),
  },
  shots,
);
process.exit(0);
