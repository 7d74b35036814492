/**
 * How fast RTMP is taken apart, without sockets: the chunk reader alone, and with the media behind it, by chunk size
 * and by size of the pieces the socket gives. `node bench/rtmp-parse.ts`
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { ChunkReader, MESSAGE, type MessageSink } from "../media-worker/servers/rtmp/chunk.ts";
import { RTMP_LIMITS } from "../media-worker/servers/rtmp/limits.ts";
import { Publication } from "../media-worker/servers/rtmp/publication.ts";
import { parseFlv } from "../test/harness/h264-source.ts";
import { ChunkWriter } from "../test/harness/rtmp-chunk-writer.ts";
import { median } from "./processes.ts";
import { writeResults } from "./results.ts";
import { CLIP_SECONDS, makeClip } from "./source.ts";

const RUNS = 7;
const LIMITS = { video: RTMP_LIMITS.videoMessage, other: RTMP_LIMITS.otherMessage, held: RTMP_LIMITS.held };

const directory = mkdtempSync(path.join(tmpdir(), "sluice-rtmp-parse-"));
const clip = parseFlv(readFileSync(makeClip(directory)));
rmSync(directory, { recursive: true });

function session(chunkSize: number): Buffer {
  const writer = new ChunkWriter();
  const size = Buffer.alloc(4);
  size.writeUInt32BE(chunkSize);
  const parts = [writer.encode({ csid: 2, type: MESSAGE.setChunkSize, payload: size })];
  writer.chunkSize = chunkSize;
  const video = (payload: Buffer, timestamp: number) => ({
    csid: 6,
    type: MESSAGE.video,
    streamId: 1,
    timestamp,
    payload,
  });
  const audio = (payload: Buffer, timestamp: number) => ({
    csid: 4,
    type: MESSAGE.audio,
    streamId: 1,
    timestamp,
    payload,
  });
  if (clip.videoHeader) parts.push(writer.encode(video(clip.videoHeader, 0)));
  if (clip.audioHeader) parts.push(writer.encode(audio(clip.audioHeader, 0)));
  for (const { kind, timestamp, body } of clip.tags)
    parts.push(writer.encode((kind === "video" ? video : audio)(body, timestamp)));
  return Buffer.concat(parts);
}

const nothing: MessageSink = { message() {} };
let units = 0;
const hub = { announce() {}, video() {}, audio() {}, dropped() {}, end() {}, unit: () => void units++ };
function media(): MessageSink {
  const publication = new Publication(hub, () => 0);
  return {
    message(type, _streamId, timestamp, payload) {
      if (type === MESSAGE.video) publication.video(timestamp, payload);
      else publication.audio(timestamp, payload);
    },
  };
}

/** CPU seconds for one pass over `bytes`. */
function pass(bytes: Buffer, piece: number, sink: MessageSink): number {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += piece) pieces.push(bytes.subarray(at, at + piece));
  const reader = new ChunkReader(sink, LIMITS);
  const begin = performance.now();
  for (const input of pieces) reader.read(input);
  return (performance.now() - begin) / 1000;
}

const summary: Record<string, unknown> = {};
const raw: Record<string, number[]> = {};
for (const chunkSize of [128, 4096, 60_000])
  for (const piece of [4096, 65_536]) {
    const bytes = session(chunkSize);
    for (const [name, sink] of [
      ["reader", () => nothing],
      ["reader and media", media],
    ] as const) {
      const seconds: number[] = [];
      for (let run = 0; run < RUNS + 5; run++) seconds.push(pass(bytes, piece, sink()));
      const measured = seconds.slice(5);
      const what = `${name}, chunks of ${chunkSize}, input of ${piece}`;
      raw[what] = measured;
      const middle = median(measured);
      summary[what] = {
        mb_per_s: Math.round(bytes.length / 1e6 / middle),
        percent_of_a_core_per_stream: Number(((middle / CLIP_SECONDS) * 100).toFixed(4)),
      };
    }
  }
if (units === 0) throw new Error("no media came out");
writeResults("rtmp-parse", summary, raw);
