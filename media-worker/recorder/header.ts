/**
 * What stands before the fragments of a part: `ftyp`, `moov`, and room for an index. At the end of the part the room
 * takes an index of its runs, without which players walk through all fragments to know how long it is, and the `moov`
 * its durations. Both are of fixed size, so that it can be written over in place, as often as need be.
 */
import { INDEX_RESERVE_BYTES } from "#contract/recording";
import type { Tracks } from "../live/tracks.ts";
import { fileHeader } from "../packager/init-segment.ts";
import type { LoggedFragment, PartFile, PartTally, TickRun } from "./part-files.ts";

const MOVIE_TIMESCALE = 1000;
const SIDX_HEAD = 8 + 4 + 4 + 4 + 8 + 8 + 2 + 2;
const SIDX_ENTRY = 12;
/** Its count has 16 bits. */
const SIDX_MAX = 0xffff;
/** Starts with a stream access point of type 1 (ISO/IEC 14496-12 section 8.16.3). */
const KEYED = 0x90000000;
const BOX_HEAD = 8;

/** Of a part that begins. */
export function openHeader(tracks: Tracks): { header: Buffer; initBytes: number } {
  const init = fileHeader(tracks);
  const header = Buffer.alloc(init.length + INDEX_RESERVE_BYTES);
  init.copy(header);
  writeFree(header, init.length, header.length);
  return { header, initBytes: init.length };
}

/**
 * Of a part that is complete. `header`: as it is on disk, sealed before or not; it is written over. `fragments`: those
 * that `tally` counted.
 */
export function sealHeader(
  header: Buffer,
  part: PartFile,
  tally: PartTally,
  fragments: readonly LoggedFragment[],
): void {
  writeDurations(header.subarray(0, part.init_bytes), tally.ticks / part.timescale);
  const room = header.length - part.init_bytes - BOX_HEAD;
  const most = Math.min(SIDX_MAX, Math.floor((room / part.tracks.length - SIDX_HEAD) / SIDX_ENTRY));
  const runs = tally.tickRuns();
  // About six hours find room with all their fragments.
  writeIndexes(header, part, fragments.length <= most ? fragmentReferences(runs, fragments) : runs);
}

/**
 * A reference for every fragment, so that FFmpeg, when it has read the one it sought, goes on with the next and not with
 * the next run. To be found by time are those alone that begin a run: each is said to last as long as its run but for
 * one tick, which the run's last fragment takes, and those between last no time at all.
 */
function fragmentReferences(runs: readonly TickRun[], fragments: readonly LoggedFragment[]): TickRun[] {
  const references: TickRun[] = [];
  let next = 0;
  for (const run of runs) {
    const first = references.length;
    for (let bytes = 0; bytes < run.bytes; next++) {
      const fragment = fragments[next];
      if (!fragment) throw new Error("the runs are longer than their fragments");
      references.push({ bytes: fragment.bytes, ticks: 0, key: false });
      bytes += fragment.bytes;
    }
    const [begin, end] = [references[first], references.at(-1)];
    if (!begin || !end) continue;
    begin.key = run.key;
    begin.ticks = run.ticks;
    if (begin === end) continue;
    begin.ticks -= 1;
    end.ticks = 1;
  }
  return references;
}

function writeFree(header: Buffer, at: number, end: number): void {
  header.fill(0, at, end);
  header.writeUInt32BE(end - at, at);
  header.write("free", at + 4, "latin1");
}

/**
 * One `sidx` after the other, one per track, all of the same references: FFmpeg, in Chromium too, looks for a track that has
 * none in the wrong place and lands far before the moment it was to seek. Each counts in its track's own timescale,
 * which FFmpeg takes for granted. They stand right before the first fragment: with anything in between, Chromium walks
 * through all fragments nevertheless.
 */
function writeIndexes(header: Buffer, part: PartFile, runs: readonly TickRun[]): void {
  const tracks = tracksOf(header.subarray(0, part.init_bytes));
  const size = SIDX_HEAD + SIDX_ENTRY * runs.length;
  let at = part.header_bytes - tracks.length * size;
  if (at - part.init_bytes < BOX_HEAD) throw new Error(`no room for an index of ${runs.length} runs`);
  writeFree(header, part.init_bytes, at);
  for (const { id, timescale } of tracks) {
    const end = at + size;
    // Audio goes along with the pictures' decode times.
    const earliest = id === tracks[0]?.id ? Math.max(0, part.presentation_start) : 0;
    at = header.writeUInt32BE(size, at);
    at += header.write("sidx", at, "latin1");
    at = header.writeUInt32BE(0x01000000, at);
    at = header.writeUInt32BE(id, at);
    at = header.writeUInt32BE(timescale, at);
    at = header.writeBigUInt64BE(BigInt(earliest), at);
    at = header.writeBigUInt64BE(BigInt(part.header_bytes - end), at);
    at = header.writeUInt32BE(runs.length, at);
    at = writeReferences(header, at, runs, timescale / part.timescale);
  }
}

/** `scale`: from the ticks of the log to the track's. */
function writeReferences(header: Buffer, from: number, runs: readonly TickRun[], scale: number): number {
  let at = from;
  let ticks = 0;
  for (const run of runs) {
    const begin = Math.round(ticks * scale);
    ticks += run.ticks;
    at = header.writeUInt32BE(run.bytes, at);
    at = header.writeUInt32BE(Math.round(ticks * scale) - begin, at);
    at = header.writeUInt32BE(run.key ? KEYED : 0, at);
  }
  return at;
}

/** Where the duration stands in a box of version 0, after the box's head; `mehd` is of version 1. */
function writeDurations(init: Buffer, seconds: number): void {
  const movie = Math.round(seconds * MOVIE_TIMESCALE);
  const moov = child(init, whole(init), "moov");
  init.writeUInt32BE(movie, child(init, moov, "mvhd").start + 16);
  init.writeBigUInt64BE(BigInt(movie), child(init, child(init, moov, "mvex"), "mehd").start + 4);
  for (const { tkhd, mdhd, timescale } of tracksOf(init)) {
    init.writeUInt32BE(movie, tkhd.start + 20);
    init.writeUInt32BE(Math.round(seconds * timescale), mdhd.start + 16);
  }
}

function tracksOf(init: Buffer): { id: number; timescale: number; tkhd: Box; mdhd: Box }[] {
  const traks = childrenOf(init, child(init, whole(init), "moov")).filter(({ type }) => type === "trak");
  return traks.map((trak) => {
    const tkhd = child(init, trak, "tkhd");
    const mdhd = child(init, child(init, trak, "mdia"), "mdhd");
    return { id: init.readUInt32BE(tkhd.start + 12), timescale: init.readUInt32BE(mdhd.start + 12), tkhd, mdhd };
  });
}

/** Content from `start` to `end`. */
type Box = { type: string; start: number; end: number };

const whole = (bytes: Buffer): Box => ({ type: "", start: 0, end: bytes.length });

function child(bytes: Buffer, parent: Box, type: string): Box {
  const box = childrenOf(bytes, parent).find((each) => each.type === type);
  if (!box) throw new Error(`the header is damaged: no ${type}`);
  return box;
}

function childrenOf(bytes: Buffer, { start, end }: Box): Box[] {
  const boxes: Box[] = [];
  for (let at = start; at < end; ) {
    const size = bytes.readUInt32BE(at);
    if (size < BOX_HEAD || at + size > end) throw new Error(`the header is damaged at byte ${at}`);
    boxes.push({ type: bytes.toString("latin1", at + 4, at + 8), start: at + BOX_HEAD, end: at + size });
    at += size;
  }
  return boxes;
}
