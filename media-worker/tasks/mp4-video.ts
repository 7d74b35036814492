/** Finds the video in a fragmented MP4 (ISO/IEC 14496-12): its decoder configuration, and a fragment's first sample. */

/** Where the content of a box lies. */
type Box = { type: string; start: number; end: number };

export type VideoTrack = {
  id: number;
  /** AVCDecoderConfigurationRecord. */
  avcC: Buffer;
  /** Of a sample whose `trun` and `tfhd` do not say; 0: unknown. */
  defaultSize: number;
};

const DEFAULT_SIZE = 0x10;
const TRUN = { offset: 0x01, firstFlags: 0x04, duration: 0x100, size: 0x200 };
const TFHD_BEFORE_SIZE: readonly [flag: number, bytes: number][] = [
  [0x01, 8],
  [0x02, 4],
  [0x08, 4],
];
/** From the sample entry's begin to the boxes in it. */
const VISUAL_SAMPLE_ENTRY_SIZE = 78;

/** The H.264 track of a header (`ftyp`, `moov`), or null when it has none. */
export function videoTrackOf(header: Buffer): VideoTrack | null {
  const moov = boxes(header).find((box) => box.type === "moov");
  if (!moov) return null;
  for (const trak of children(header, moov).filter((box) => box.type === "trak")) {
    const tkhd = child(header, trak, "tkhd");
    const stsd = child(header, trak, "mdia", "minf", "stbl", "stsd");
    if (!tkhd || !stsd) continue;
    const [entry] = boxes(header, stsd.start + 8, stsd.end);
    if (!entry || (entry.type !== "avc1" && entry.type !== "avc3")) continue;
    const avcC = boxes(header, entry.start + VISUAL_SAMPLE_ENTRY_SIZE, entry.end).find((box) => box.type === "avcC");
    const id = u32(header, tkhd.start + (header[tkhd.start] === 1 ? 20 : 12), tkhd.end);
    if (!avcC || id === null) continue;
    return { id, avcC: header.subarray(avcC.start, avcC.end), defaultSize: defaultSizeOf(header, moov, id) };
  }
  return null;
}

/**
 * Where the first video sample of the fragment at the begin of `bytes` lies. `moof`: `bytes` end too early, its size is
 * so many; null: there is no such sample.
 */
export function firstSample(
  bytes: Buffer,
  track: VideoTrack,
): { offset: number; size: number } | { moof: number } | null {
  if (bytes.length < 8 || bytes.toString("latin1", 4, 8) !== "moof") return null;
  const length = bytes.readUInt32BE(0);
  if (length < 8) return null;
  if (length > bytes.length) return { moof: length };
  for (const traf of boxes(bytes, 8, length).filter((box) => box.type === "traf")) {
    const tfhd = child(bytes, traf, "tfhd");
    if (!tfhd || u32(bytes, tfhd.start + 4, tfhd.end) !== track.id) continue;
    const trun = child(bytes, traf, "trun");
    return trun ? sampleOf(bytes, trun, defaultInTfhd(bytes, tfhd) ?? track.defaultSize) : null;
  }
  return null;
}

function sampleOf(bytes: Buffer, trun: Box, defaultSize: number): { offset: number; size: number } | null {
  const flags = (u32(bytes, trun.start, trun.end) ?? 0) & 0xffffff;
  const count = u32(bytes, trun.start + 4, trun.end) ?? 0;
  if (count === 0 || !(flags & TRUN.offset)) return null;
  const offset = u32(bytes, trun.start + 8, trun.end);
  const at = trun.start + 12 + (flags & TRUN.firstFlags ? 4 : 0) + (flags & TRUN.duration ? 4 : 0);
  const size = flags & TRUN.size ? u32(bytes, at, trun.end) : defaultSize;
  return offset === null || size === null || size === 0 ? null : { offset, size };
}

function defaultInTfhd(bytes: Buffer, tfhd: Box): number | null {
  const flags = (u32(bytes, tfhd.start, tfhd.end) ?? 0) & 0xffffff;
  if (!(flags & DEFAULT_SIZE)) return null;
  const skipped = TFHD_BEFORE_SIZE.reduce((sum, [flag, size]) => sum + (flags & flag ? size : 0), 0);
  return u32(bytes, tfhd.start + 8 + skipped, tfhd.end);
}

function defaultSizeOf(header: Buffer, moov: Box, id: number): number {
  const mvex = children(header, moov).find((box) => box.type === "mvex");
  const trex =
    mvex && children(header, mvex).find((box) => box.type === "trex" && u32(header, box.start + 4, box.end) === id);
  return (trex && u32(header, trex.start + 16, trex.end)) ?? 0;
}

/** Those that are whole. A size that is impossible ends the list. */
function boxes(bytes: Buffer, start = 0, end = bytes.length): Box[] {
  const found: Box[] = [];
  for (let at = start; at + 8 <= end; ) {
    const size = bytes.readUInt32BE(at);
    if (size < 8 || at + size > end) break;
    found.push({ type: bytes.toString("latin1", at + 4, at + 8), start: at + 8, end: at + size });
    at += size;
  }
  return found;
}

const children = (bytes: Buffer, { start, end }: Box) => boxes(bytes, start, end);

function child(bytes: Buffer, parent: Box, ...path: string[]): Box | undefined {
  let box: Box | undefined = parent;
  for (const type of path) box = box && children(bytes, box).find((each) => each.type === type);
  return box;
}

const u32 = (bytes: Buffer, at: number, end: number) => (at + 4 <= end ? bytes.readUInt32BE(at) : null);
