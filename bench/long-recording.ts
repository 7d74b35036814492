/**
 * A Sluice with one long recording, which came about as the product's own do: a real broadcast is cut off after a
 * moment as by a power failure; what it left in the media worker's spool is made as long as wanted by the recorder's
 * own writer; started again, Sluice uploads and completes it.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { FILE, readPart } from "../media-worker/recorder/part-files.ts";
import type { Vod } from "../schema/contract/vods.ts";
import { parseFlv } from "../test/harness/h264-source.ts";
import { NO_RATE_LIMITS, type Sluice, type StartOptions, startSluice } from "../test/harness/sluice.ts";
import { writeLongPart } from "./long-part.ts";
import { waitFor } from "./peers.ts";
import { type MadeStream, signIn } from "./sluice.ts";

const UPLOAD_MS = 300_000;
const POLL_MS = 500;

export type LongRecording = { sluice: Sluice; vod: Vod; uploadSeconds: number };

/**
 * Everybody may watch the recording. `clip`: an FLV file, which is repeated for `seconds`. `options` must name the data
 * folder and the admin's password, because there are two starts.
 */
export async function startWithRecording(
  options: StartOptions & { data: string },
  clip: string,
  seconds: number,
): Promise<LongRecording> {
  const unlimited = { ...options, env: { ...options.env, ...NO_RATE_LIMITS } };
  const before = await startSluice(unlimited);
  let stream: MadeStream;
  try {
    const api = await signIn(before);
    const all = { is_public: true, allow_unauthenticated: true, record: true };
    stream = await api.post<MadeStream>("/api/streams", { title: "A long recording", ...all });
    await lengthen(await cutOff(before, stream, clip), clip, seconds);
  } finally {
    await before.stop();
  }
  const sluice = await startSluice(unlimited);
  try {
    const { vod, uploadSeconds } = await settled(sluice, stream);
    if (Math.abs(vod.duration - seconds) > 1) throw new Error(`the recording lasts ${vod.duration} s`);
    return { sluice, vod, uploadSeconds };
  } catch (error) {
    await sluice.stop();
    throw error;
  }
}

/** A broadcast whose machine is switched off as soon as something of it is recorded: the folder of its part. */
async function cutOff(sluice: Sluice, stream: MadeStream, clip: string): Promise<string> {
  const spool = path.join(sluice.mediaData, "spool/recordings");
  const part = () =>
    path.join(
      spool,
      (existsSync(spool) ? readdirSync(spool) : []).find((name) => name.startsWith(`${stream.id}-`)) ?? "",
    );
  const log = () => path.join(part(), FILE.log);
  const ingest = `${sluice.rtmp}/${stream.stream_key}`;
  const push = spawn("ffmpeg", ["-v", "error", "-re", "-i", clip, "-c", "copy", "-f", "flv", ingest], {
    stdio: "ignore",
  });
  try {
    await waitFor(() => existsSync(log()) && statSync(log()).size > 0, "nothing was recorded");
    for (const pid of sluice.pids().all) process.kill(pid, "SIGKILL");
    await sluice.exited;
    return part();
  } finally {
    push.kill("SIGKILL");
  }
}

async function lengthen(folder: string, clip: string, seconds: number): Promise<void> {
  const part = await readPart(folder);
  if (!part) throw new Error("the part cannot be read");
  rmSync(folder, { recursive: true });
  await writeLongPart(path.dirname(folder), part, parseFlv(readFileSync(clip)), seconds);
}

/** Complete, and its pictures made, so that nothing is left to be done. */
async function settled(sluice: Sluice, stream: MadeStream): Promise<{ vod: Vod; uploadSeconds: number }> {
  const api = await signIn(sluice);
  const begin = performance.now();
  let uploadSeconds: number | undefined;
  while (performance.now() - begin < UPLOAD_MS) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    const { vods } = await api.get<{ vods: Vod[] }>(`/api/library?stream_id=${stream.id}`);
    const vod = vods.find(({ status }) => status === "ready");
    if (vod === undefined) continue;
    uploadSeconds ??= (performance.now() - begin) / 1000;
    if (vod.thumbnail_url === null) continue;
    return { ...(await api.get<{ vod: Vod }>(`/api/library/${vod.id}`)), uploadSeconds };
  }
  throw new Error(uploadSeconds === undefined ? "the recording was never ready" : "it never had a thumbnail");
}
