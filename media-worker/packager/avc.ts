/** H.264 parameters: AVCDecoderConfigurationRecord (ISO/IEC 14496-15) and the SPS in it (ITU-T H.264 section 7.3.2.1). */
import { BitReader } from "./bits.ts";
import { CodecError } from "./codec-error.ts";

export type AvcParameters = {
  /** RFC 6381, e.g. `avc1.64001f`. */
  codec: string;
  /** In pixels, after cropping. */
  width: number;
  height: number;
  /** Width of a pixel ÷ its height. */
  pixelAspect: { horizontal: number; vertical: number };
  /** From the VUI's timing; null when it says nothing plausible. */
  frameRate: number | null;
};

const NAL_SPS = 7;
const NAL_PPS = 8;
const MAX_SIDE = 16_384;
/** Profiles whose SPS carries chroma format and bit depth. */
const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

/** ITU-T H.264 table E-1. */
const ASPECTS: readonly (readonly [number, number])[] = [
  [1, 1],
  [1, 1],
  [12, 11],
  [10, 11],
  [16, 11],
  [40, 33],
  [24, 11],
  [20, 11],
  [32, 11],
  [80, 33],
  [18, 11],
  [15, 11],
  [64, 33],
  [160, 99],
  [4, 3],
  [3, 2],
  [2, 1],
];

/** Throws `CodecError`. */
export function parseAvcRecord(record: Buffer): AvcParameters {
  const sets = parameterSets(record);
  const sps = sets.find((set) => nalType(set) === NAL_SPS);
  if (!sps) throw new CodecError("malformed", "H.264 configuration without a sequence parameter set");
  if (!sets.some((set) => nalType(set) === NAL_PPS)) {
    throw new CodecError("malformed", "H.264 configuration without a picture parameter set");
  }
  return parseSps(sps);
}

const nalType = (nal: Buffer) => (nal[0] ?? 0) & 0x1f;

/** The NAL units in it, sequence parameter sets first. Throws `CodecError`. */
export function parameterSets(record: Buffer): Buffer[] {
  if (record.length < 7 || record[0] !== 1) throw new CodecError("malformed", "not an H.264 configuration record");
  const sets: Buffer[] = [];
  let at = 5;
  for (const mask of [0x1f, 0xff]) {
    const count = (record[at++] ?? 0) & mask;
    for (let i = 0; i < count; i++) {
      const length = at + 2 <= record.length ? record.readUInt16BE(at) : 0;
      at += 2;
      if (length === 0 || at + length > record.length) {
        throw new CodecError("malformed", "H.264 configuration record is truncated");
      }
      sets.push(record.subarray(at, at + length));
      at += length;
    }
  }
  return sets;
}

/** Without the bytes that keep start codes out of the data (section 7.4.1). */
function withoutEmulationPrevention(nal: Buffer): Uint8Array {
  const out = new Uint8Array(nal.length);
  let length = 0;
  let zeros = 0;
  for (const byte of nal) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    out[length++] = byte;
  }
  return out.subarray(0, length);
}

/** Throws `CodecError`. */
function parseSps(nal: Buffer): AvcParameters {
  if (nal.length < 4) throw new CodecError("malformed", "H.264 sequence parameter set is truncated");
  const codec = `avc1.${nal.toString("hex", 1, 4)}`;
  const bits = new BitReader(withoutEmulationPrevention(nal));
  bits.skip(8);
  const profile = bits.read(8);
  bits.skip(16);
  bits.ue();
  let chromaFormat = 1;
  let separatePlanes = false;
  if (HIGH_PROFILES.has(profile)) {
    chromaFormat = bits.ue();
    if (chromaFormat > 3) throw new CodecError("malformed", "H.264 chroma format out of range");
    if (chromaFormat === 3) separatePlanes = bits.flag();
    bits.ue();
    bits.ue();
    bits.skip(1);
    if (bits.flag()) skipScalingLists(bits, chromaFormat === 3 ? 12 : 8);
  }
  bits.ue();
  skipPictureOrder(bits);
  bits.ue();
  bits.skip(1);
  const widthUnits = bits.ue() + 1;
  const heightUnits = bits.ue() + 1;
  const framesOnly = bits.flag();
  if (!framesOnly) bits.skip(1);
  bits.skip(1);
  const crop = bits.flag()
    ? { left: bits.ue(), right: bits.ue(), top: bits.ue(), bottom: bits.ue() }
    : { left: 0, right: 0, top: 0, bottom: 0 };
  const fields = framesOnly ? 1 : 2;
  const planes = separatePlanes ? 0 : chromaFormat;
  const cropX = planes === 1 || planes === 2 ? 2 : 1;
  const cropY = (planes === 1 ? 2 : 1) * fields;
  const width = widthUnits * 16 - (crop.left + crop.right) * cropX;
  const height = heightUnits * 16 * fields - (crop.top + crop.bottom) * cropY;
  const vui = bits.flag() ? parseVui(bits) : { pixelAspect: { horizontal: 1, vertical: 1 }, frameRate: null };
  if (bits.overrun) throw new CodecError("malformed", "H.264 sequence parameter set is truncated");
  if (width < 1 || height < 1 || width > MAX_SIDE || height > MAX_SIDE) {
    throw new CodecError("malformed", `H.264 picture size ${width}x${height} is impossible`);
  }
  return { codec, width, height, ...vui };
}

function skipScalingLists(bits: BitReader, count: number): void {
  for (let list = 0; list < count; list++) {
    if (!bits.flag()) continue;
    let last = 8;
    let next = 8;
    for (let i = 0; i < (list < 6 ? 16 : 64) && next !== 0 && !bits.overrun; i++) {
      next = (last + bits.se() + 256) % 256;
      if (next !== 0) last = next;
    }
  }
}

function skipPictureOrder(bits: BitReader): void {
  const type = bits.ue();
  if (type === 0) bits.ue();
  if (type !== 1) return;
  bits.skip(1);
  bits.se();
  bits.se();
  const cycle = bits.ue();
  if (cycle > 255) throw new CodecError("malformed", "H.264 picture order cycle out of range");
  for (let i = 0; i < cycle; i++) bits.se();
}

/** Up to the timing (Annex E.1.1). What comes after, and a VUI cut short after it, does not matter here. */
function parseVui(bits: BitReader): Pick<AvcParameters, "pixelAspect" | "frameRate"> {
  let [horizontal, vertical] = [1, 1];
  if (bits.flag()) {
    const indication = bits.read(8);
    [horizontal, vertical] = indication === 255 ? [bits.read(16), bits.read(16)] : (ASPECTS[indication] ?? [1, 1]);
    if (horizontal === 0 || vertical === 0) [horizontal, vertical] = [1, 1];
  }
  if (bits.flag()) bits.skip(1);
  if (bits.flag()) {
    bits.skip(4);
    if (bits.flag()) bits.skip(24);
  }
  if (bits.flag()) {
    bits.ue();
    bits.ue();
  }
  let frameRate: number | null = null;
  if (bits.flag()) {
    const unitsInTick = bits.read(32);
    const timeScale = bits.read(32);
    const rate = timeScale / (2 * unitsInTick);
    if (rate >= 1 && rate <= 300) frameRate = rate;
  }
  return { pixelAspect: { horizontal, vertical }, frameRate };
}
