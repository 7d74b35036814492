/** What a recorder left on disk, as a player gets to see it. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { onTestFinished } from "vitest";
import {
  type LoggedFragment,
  type PartFile,
  readLog,
  readPart,
  readSealed,
  sliceNumber,
} from "../../media-worker/recorder/part-files.ts";

const run = promisify(execFile);
const PATIENCE_MS = 30_000;

export type RecordedPart = {
  folder: string;
  part: PartFile;
  /** Null while it is not sealed. */
  end: string | null;
  fragments: LoggedFragment[];
  /** Its slices, one after another. */
  bytes: Buffer;
};

/** Removed when the test is finished. */
export function recordingsDir(): string {
  const dir = mkdtempSync(path.join(tmpdir(), "sluice-recordings-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** In the order in which they were recorded. */
export async function recordedParts(dir: string): Promise<RecordedPart[]> {
  const folders = (await readdir(dir, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const parts = await Promise.all(folders.map(({ name }) => recordedPart(path.join(dir, name))));
  return parts
    .filter((part) => part !== null)
    .sort((a, b) => a.part.started_at - b.part.started_at || a.part.n - b.part.n);
}

export async function recordedPart(folder: string): Promise<RecordedPart | null> {
  const part = await readPart(folder);
  if (!part) return null;
  const slices = (await readdir(folder)).filter((name) => sliceNumber(name) !== null).sort();
  const bytes = Buffer.concat(await Promise.all(slices.map((name) => readFile(path.join(folder, name)))));
  const { fragments } = await readLog(folder);
  return { folder, part, end: (await readSealed(folder))?.end ?? null, fragments, bytes };
}

/** Waits for so many sealed parts, and no other. */
export async function sealedParts(dir: string, count: number): Promise<RecordedPart[]> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const parts = await recordedParts(dir);
    if (parts.length === count && parts.every(({ end }) => end !== null)) return parts;
    if (performance.now() > deadline) {
      throw new Error(`not ${count} sealed parts but ${JSON.stringify(parts.map(({ part, end }) => [part.n, end]))}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export type Probed = {
  /** Seconds. */
  duration: number;
  streams: { kind: string; start: number; packets: number; width?: number }[];
};

/** Seconds into the part at which FFmpeg begins to read when it is to play from `at` on. */
export async function seek(part: RecordedPart, at: number): Promise<number> {
  const file = written(part);
  const from = ["-noaccurate_seek", "-ss", String(at), "-copyts", "-i", file];
  const out = ["-map", "0:v", "-c", "copy", "-frames:v", "1", "-f", "framecrc", "-"];
  const { stdout } = await run("ffmpeg", ["-v", "error", ...from, ...out]);
  const [, , pts] =
    stdout
      .split("\n")
      .find((line) => !line.startsWith("#"))
      ?.split(",") ?? [];
  return Number(pts) / part.part.timescale;
}

/** Removed when the test is finished. */
function written({ bytes }: RecordedPart): string {
  const file = path.join(mkdtempSync(path.join(tmpdir(), "sluice-play-")), "part.mp4");
  onTestFinished(() => rmSync(path.dirname(file), { recursive: true, force: true }));
  writeFileSync(file, bytes);
  return file;
}

/** What FFmpeg makes of it: every packet is read and decoded; rejects when it has anything to say against them. */
export async function play(part: RecordedPart): Promise<Probed> {
  const file = written(part);
  const { stdout } = await run("ffprobe", [
    "-v",
    "error",
    "-count_packets",
    "-show_streams",
    "-show_format",
    "-of",
    "json",
    file,
  ]);
  const probed = JSON.parse(stdout) as {
    format: { duration: string };
    streams: { codec_type: string; start_time: string; nb_read_packets: string; width?: number }[];
  };
  const decoded = await run("ffmpeg", ["-v", "error", "-xerror", "-i", file, "-f", "null", "-"]);
  if (decoded.stderr !== "") throw new Error(decoded.stderr);
  return {
    duration: Number(probed.format.duration),
    streams: probed.streams.map((stream) => ({
      kind: stream.codec_type,
      start: Number(stream.start_time),
      packets: Number(stream.nb_read_packets),
      ...(stream.width === undefined ? {} : { width: stream.width }),
    })),
  };
}

/** How many requests ffprobe makes of a server that can answer ranges, and the duration it finds. */
export async function requestsToOpen({ bytes }: RecordedPart): Promise<{ duration: number; requests: number }> {
  let requests = 0;
  const server = createServer((request, response) => {
    requests++;
    const [, from = "0", to = ""] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
    const start = Number(from);
    const end = to === "" ? bytes.length - 1 : Number(to);
    response.writeHead(206, {
      "accept-ranges": "bytes",
      "content-length": end - start + 1,
      "content-range": `bytes ${start}-${end}/${bytes.length}`,
    });
    response.end(bytes.subarray(start, end + 1));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/part.mp4`;
  const { stdout } = await run("ffprobe", ["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", url]);
  return { duration: Number(stdout), requests };
}
