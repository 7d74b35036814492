/**
 * What stands before the fragments of a part: `ftyp`, `moov`, and room for an index. At the end of the part the room
 * takes a `sidx` of its runs, without which players walk through all fragments to know how long it is, and the `moov`
 * its durations. Both are of fixed size, so that it can be written over in place, as often as need be.
 */
import { INDEX_RESERVE_BYTES } from "#contract/recording";
import type { Tracks } from "../live/tracks.ts";
import { AUDIO_TRACK_ID, fileHeader, VIDEO_TRACK_ID } from "../packager/init-segment.ts";
import type { PartFile, PartTally, TickRun } from "./part-files.ts";

const MOVIE_TIMESCALE = 1000;
const SIDX_HEAD = 8 + 4 + 4 + 4 + 8 + 8 + 2 + 2;
const SIDX_ENTRY = 12;
/** Starts with a stream access point of type 1 (ISO/IEC 14496-12 section 8.16.3). */
const KEYED = 0x90000000;
const BOX_HEAD = 8;

/** Of a part that begins. */
export function openHeader(tracks: Tracks): { header: Buffer; initBytes: number } {
  const init = fileHeader(tracks);
  const header = Buffer.alloc(init.length + INDEX_RESERVE_BYTES);
  init.copy(header);
  writeFree(header, init.length);
  return { header, initBytes: init.length };
}

/** Of a part that is complete. `header`: as it is on disk, sealed before or not; it is written over. */
export function sealHeader(header: Buffer, part: PartFile, tally: PartTally): void {
  writeDurations(header.subarray(0, part.init_bytes), tally.ticks / part.timescale);
  const free = writeIndex(header, part, tally);
  writeFree(header, free);
}

function writeFree(header: Buffer, at: number): void {
  header.fill(0, at);
  header.writeUInt32BE(header.length - at, at);
  header.write("free", at + 4, "latin1");
}

/** Returns where it ends. */
function writeIndex(header: Buffer, part: PartFile, tally: PartTally): number {
  const runs = tally.tickRuns();
  const size = SIDX_HEAD + SIDX_ENTRY * runs.length;
  const end = part.init_bytes + size;
  if (end + BOX_HEAD > header.length) throw new Error(`no room for an index of ${runs.length} runs`);
  const video = part.tracks.some(({ kind }) => kind === "video");
  let at = header.writeUInt32BE(size, part.init_bytes);
  at += header.write("sidx", at, "latin1");
  at = header.writeUInt32BE(0x01000000, at);
  at = header.writeUInt32BE(video ? VIDEO_TRACK_ID : AUDIO_TRACK_ID, at);
  at = header.writeUInt32BE(part.timescale, at);
  at = header.writeBigUInt64BE(BigInt(Math.max(0, part.presentation_start)), at);
  at = header.writeBigUInt64BE(BigInt(part.header_bytes - end), at);
  at = header.writeUInt32BE(runs.length, at);
  for (const run of runs) at = writeReference(header, at, run);
  return at;
}

function writeReference(header: Buffer, at: number, { bytes, ticks, key }: TickRun): number {
  header.writeUInt32BE(bytes, at);
  header.writeUInt32BE(ticks, at + 4);
  return header.writeUInt32BE(key ? KEYED : 0, at + 8);
}

/** Where the duration stands in a box of version 0, after the box's head; `mehd` is of version 1. */
function writeDurations(init: Buffer, seconds: number): void {
  const movie = Math.round(seconds * MOVIE_TIMESCALE);
  for (const box of childrenOf(init, 0, init.length)) {
    if (box.type !== "moov") continue;
    for (const child of childrenOf(init, box.start, box.end)) {
      if (child.type === "mvhd") init.writeUInt32BE(movie, child.start + 16);
      else if (child.type === "trak") writeTrackDurations(init, child, seconds, movie);
      else if (child.type === "mvex") {
        const mehd = childrenOf(init, child.start, child.end).find(({ type }) => type === "mehd");
        if (mehd) init.writeBigUInt64BE(BigInt(movie), mehd.start + 4);
      }
    }
  }
}

function writeTrackDurations(init: Buffer, trak: Box, seconds: number, movie: number): void {
  for (const child of childrenOf(init, trak.start, trak.end)) {
    if (child.type === "tkhd") init.writeUInt32BE(movie, child.start + 20);
    if (child.type !== "mdia") continue;
    const mdhd = childrenOf(init, child.start, child.end).find(({ type }) => type === "mdhd");
    if (!mdhd) continue;
    const timescale = init.readUInt32BE(mdhd.start + 12);
    init.writeUInt32BE(Math.round(seconds * timescale), mdhd.start + 16);
  }
}

type Box = { type: string; start: number; end: number };

/** Of our own making, so nothing about them can be wrong; content from `start` to `end`. */
function childrenOf(bytes: Buffer, start: number, end: number): Box[] {
  const boxes: Box[] = [];
  for (let at = start; at < end; ) {
    const size = bytes.readUInt32BE(at);
    if (size < BOX_HEAD || at + size > end) throw new Error(`the header is damaged at byte ${at}`);
    boxes.push({ type: bytes.toString("latin1", at + 4, at + 8), start: at + BOX_HEAD, end: at + size });
    at += size;
  }
  return boxes;
}
