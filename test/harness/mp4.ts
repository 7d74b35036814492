/** Reads fragmented MP4 (ISO/IEC 14496-12) as far as a player relies on it; throws on what a player would refuse. */

export type Box = { type: string; start: number; end: number };
export type Track = { id: number; kind: "video" | "audio"; timescale: number; sampleEntry: string };
export type Sample = { duration: number; size: number; sync: boolean; compositionOffset: number };
export type Fragment = { track: Track; decodeTime: number; samples: Sample[]; sequence: number };

export function boxes(bytes: Buffer, start = 0, end = bytes.length): Box[] {
  const found: Box[] = [];
  let at = start;
  while (at < end) {
    if (at + 8 > end) throw new Error(`a box is cut off at ${at}`);
    const size = bytes.readUInt32BE(at);
    const type = bytes.toString("latin1", at + 4, at + 8);
    if (size < 8 || at + size > end) throw new Error(`box ${type} at ${at} has size ${size}`);
    found.push({ type, start: at + 8, end: at + size });
    at += size;
  }
  return found;
}

function child(bytes: Buffer, parent: Box, ...path: string[]): Box {
  let box = parent;
  for (const type of path) {
    const next = boxes(bytes, box.start, box.end).find((each) => each.type === type);
    if (next === undefined) throw new Error(`${parent.type} has no ${path.join("/")}`);
    box = next;
  }
  return box;
}

/** The tracks of an init segment. */
export function readInit(bytes: Buffer): Track[] {
  const top = boxes(bytes);
  if (top[0]?.type !== "ftyp") throw new Error("the init segment does not begin with ftyp");
  const moov = top.find((box) => box.type === "moov");
  if (moov === undefined) throw new Error("the init segment has no moov");
  child(bytes, moov, "mvex");
  return boxes(bytes, moov.start, moov.end)
    .filter((box) => box.type === "trak")
    .map((trak) => {
      if (boxes(bytes, trak.start, trak.end).some((box) => box.type === "edts")) throw new Error("an edit list");
      const tkhd = child(bytes, trak, "tkhd");
      const mdhd = child(bytes, trak, "mdia", "mdhd");
      const hdlr = child(bytes, trak, "mdia", "hdlr");
      const stsd = child(bytes, trak, "mdia", "minf", "stbl", "stsd");
      const wide = (box: Box) => bytes[box.start] === 1;
      const handler = bytes.toString("latin1", hdlr.start + 8, hdlr.start + 12);
      return {
        id: bytes.readUInt32BE(tkhd.start + (wide(tkhd) ? 20 : 12)),
        kind: handler === "vide" ? ("video" as const) : ("audio" as const),
        timescale: bytes.readUInt32BE(mdhd.start + (wide(mdhd) ? 20 : 12)),
        sampleEntry: bytes.toString("latin1", stsd.start + 12, stsd.start + 16),
      };
    });
}

/** Every track fragment of a segment or part, in order; checks that the samples lie in the mdat exactly. */
export function readFragments(bytes: Buffer, tracks: Track[]): Fragment[] {
  const fragments: Fragment[] = [];
  const top = boxes(bytes);
  top.forEach((moof, index) => {
    if (moof.type !== "moof") return;
    const mdat = top[index + 1];
    if (mdat?.type !== "mdat") throw new Error("a moof without its mdat");
    const mfhd = child(bytes, moof, "mfhd");
    const sequence = bytes.readUInt32BE(mfhd.start + 4);
    let covered = 0;
    for (const traf of boxes(bytes, moof.start, moof.end).filter((box) => box.type === "traf")) {
      const { fragment, sizes } = readTrackFragment(bytes, moof, mdat, traf, tracks, sequence);
      fragments.push(fragment);
      covered += sizes;
    }
    if (covered !== mdat.end - mdat.start)
      throw new Error(`mdat has ${mdat.end - mdat.start} bytes, samples ${covered}`);
  });
  return fragments;
}

function readTrackFragment(bytes: Buffer, moof: Box, mdat: Box, traf: Box, tracks: Track[], sequence: number) {
  const tfhd = child(bytes, traf, "tfhd");
  const flags = bytes.readUIntBE(tfhd.start + 1, 3);
  if ((flags & 0x020000) === 0) throw new Error("tfhd without default-base-is-moof");
  const track = tracks.find((each) => each.id === bytes.readUInt32BE(tfhd.start + 4));
  if (track === undefined) throw new Error("a fragment of a track that the init segment does not know");
  let at = tfhd.start + 8;
  const take = (flag: number) => {
    if ((flags & flag) === 0) return undefined;
    at += 4;
    return bytes.readUInt32BE(at - 4);
  };
  if (flags & 0x01) at += 8;
  take(0x02);
  const defaultDuration = take(0x08);
  const defaultSize = take(0x10);
  const defaultFlags = take(0x20);
  const tfdt = child(bytes, traf, "tfdt");
  const decodeTime =
    bytes[tfdt.start] === 1 ? Number(bytes.readBigUInt64BE(tfdt.start + 4)) : bytes.readUInt32BE(tfdt.start + 4);
  const samples: Sample[] = [];
  let sizes = 0;
  for (const trun of boxes(bytes, traf.start, traf.end).filter((box) => box.type === "trun")) {
    const runFlags = bytes.readUIntBE(trun.start + 1, 3);
    const signed = bytes[trun.start] === 1;
    const count = bytes.readUInt32BE(trun.start + 4);
    let p = trun.start + 8;
    const next = () => {
      p += 4;
      return bytes.readUInt32BE(p - 4);
    };
    const offset = runFlags & 0x01 ? next() | 0 : Number.NaN;
    const begin = moof.start - 8 + offset;
    if (!(begin >= mdat.start && begin <= mdat.end)) throw new Error("trun data offset outside its mdat");
    const firstFlags = runFlags & 0x04 ? next() : undefined;
    let runSize = 0;
    for (let n = 0; n < count; n++) {
      const duration = runFlags & 0x100 ? next() : defaultDuration;
      const size = runFlags & 0x200 ? next() : defaultSize;
      const sampleFlags = runFlags & 0x400 ? next() : n === 0 && firstFlags !== undefined ? firstFlags : defaultFlags;
      const compositionOffset = runFlags & 0x800 ? (signed ? next() | 0 : next()) : 0;
      if (duration === undefined || size === undefined) throw new Error("a sample without duration or size");
      samples.push({ duration, size, sync: ((sampleFlags ?? 0) & 0x10000) === 0, compositionOffset });
      runSize += size;
    }
    if (begin + runSize > mdat.end) throw new Error("samples reach beyond their mdat");
    sizes += runSize;
  }
  return { fragment: { track, decodeTime, samples, sequence }, sizes };
}

/** Seconds, as each box of a `moov` has it. */
export function readDurations(bytes: Buffer): { movie: number; fragments: number; tracks: number[]; media: number[] } {
  const moov = boxes(bytes).find((box) => box.type === "moov");
  if (moov === undefined) throw new Error("no moov");
  const mvhd = child(bytes, moov, "mvhd");
  const timescale = bytes.readUInt32BE(mvhd.start + 12);
  const mehd = child(bytes, moov, "mvex", "mehd");
  const traks = boxes(bytes, moov.start, moov.end).filter((box) => box.type === "trak");
  const media = traks.map((trak) => child(bytes, trak, "mdia", "mdhd"));
  return {
    movie: bytes.readUInt32BE(mvhd.start + 16) / timescale,
    fragments: Number(bytes.readBigUInt64BE(mehd.start + 4)) / timescale,
    tracks: traks.map((trak) => bytes.readUInt32BE(child(bytes, trak, "tkhd").start + 20) / timescale),
    media: media.map((mdhd) => bytes.readUInt32BE(mdhd.start + 16) / bytes.readUInt32BE(mdhd.start + 12)),
  };
}

/** Where each piece that an index refers to begins and ends; durations in ticks. */
export type Index = {
  track: number;
  timescale: number;
  earliest: number;
  references: { start: number; end: number; duration: number; startsWithSync: boolean }[];
};

/** All of them, of version 1. */
export const readIndexes = (bytes: Buffer): Index[] =>
  boxes(bytes)
    .filter((box) => box.type === "sidx")
    .map((sidx) => readIndex(bytes, sidx));

function readIndex(bytes: Buffer, sidx: Box): Index {
  if (bytes[sidx.start] !== 1) throw new Error("sidx of another version");
  const count = bytes.readUInt16BE(sidx.start + 30);
  let at = sidx.end + Number(bytes.readBigUInt64BE(sidx.start + 20));
  if (sidx.end !== sidx.start + 32 + 12 * count) throw new Error("sidx is not as long as its references");
  const references = Array.from({ length: count }, (_, n) => {
    const entry = sidx.start + 32 + 12 * n;
    const size = bytes.readUInt32BE(entry);
    if (size >= 0x80000000) throw new Error("a reference to another index");
    const start = at;
    at += size;
    const duration = bytes.readUInt32BE(entry + 4);
    return { start, end: at, duration, startsWithSync: bytes.readUInt32BE(entry + 8) >>> 28 === 9 };
  });
  return {
    track: bytes.readUInt32BE(sidx.start + 4),
    timescale: bytes.readUInt32BE(sidx.start + 8),
    earliest: Number(bytes.readBigUInt64BE(sidx.start + 12)),
    references,
  };
}

export const durationOf = (fragment: Fragment) => fragment.samples.reduce((sum, sample) => sum + sample.duration, 0);
