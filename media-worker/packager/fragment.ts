/** One movie fragment: `moof` and `mdat`, written into one buffer of exactly its size (ISO/IEC 14496-12 section 8.8). */
import { AUDIO_TRACK_ID, VIDEO_TRACK_ID } from "./init-segment.ts";

/** Times in ticks of the track's timescale. */
export type FragmentSample = { data: Buffer; duration: number };
export type VideoSample = FragmentSample & {
  /** Composition offset, may be negative. */
  cts: number;
  key: boolean;
};

export type Fragment = {
  sequence: number;
  video: { decodeTime: number; samples: readonly VideoSample[] } | null;
  audio: { decodeTime: number; samples: readonly FragmentSample[]; usualDuration: number } | null;
};

/** Box types as numbers: there are a dozen in each fragment. */
const TYPE = {
  moof: 0x6d6f6f66,
  mfhd: 0x6d666864,
  traf: 0x74726166,
  tfhd: 0x74666864,
  tfdt: 0x74666474,
  trun: 0x7472756e,
  mdat: 0x6d646174,
} as const;

const TFHD_SIZE = 8 + 4 + 4;
/** `tfhd` with default duration and flags. */
const AUDIO_TFHD_SIZE = TFHD_SIZE + 4 + 4;
const TFDT_SIZE = 8 + 4 + 8;
const TRUN_HEAD_SIZE = 8 + 4 + 4 + 4;
const MFHD_SIZE = 8 + 4 + 4;

const DEFAULT_BASE_IS_MOOF = 0x020000;
const DEFAULT_DURATION = 0x08;
const DEFAULT_FLAGS = 0x20;
const DATA_OFFSET = 0x01;
const SAMPLE_DURATION = 0x100;
const SAMPLE_SIZE = 0x200;
const SAMPLE_FLAGS = 0x400;
const SAMPLE_CTS = 0x800;
/** Depends on no other sample; depends on others and is no sync sample (section 8.8.3.1). */
const SYNC = 0x02000000;
const NON_SYNC = 0x01010000;

export function writeFragment({ sequence, video, audio }: Fragment): Buffer {
  const videoBytes = video ? bytesOf(video.samples) : 0;
  const audioBytes = audio ? bytesOf(audio.samples) : 0;
  const steady = audio?.samples.every((sample) => sample.duration === audio.usualDuration) ?? true;
  const videoTraf = video ? 8 + TFHD_SIZE + TFDT_SIZE + TRUN_HEAD_SIZE + 16 * video.samples.length : 0;
  const audioTraf = audio
    ? 8 + AUDIO_TFHD_SIZE + TFDT_SIZE + TRUN_HEAD_SIZE + (steady ? 4 : 8) * audio.samples.length
    : 0;
  const moof = 8 + MFHD_SIZE + videoTraf + audioTraf;
  // Not from the shared pool: a fragment lives as long as the window.
  const out = Buffer.allocUnsafeSlow(moof + 8 + videoBytes + audioBytes);

  let at = head(out, 0, moof, TYPE.moof);
  at = head(out, at, MFHD_SIZE, TYPE.mfhd);
  at = out.writeUInt32BE(0, at);
  at = out.writeUInt32BE(sequence >>> 0, at);

  if (video) {
    at = head(out, at, videoTraf, TYPE.traf);
    at = head(out, at, TFHD_SIZE, TYPE.tfhd);
    at = out.writeUInt32BE(DEFAULT_BASE_IS_MOOF, at);
    at = out.writeUInt32BE(VIDEO_TRACK_ID, at);
    at = tfdt(out, at, video.decodeTime);
    at = head(out, at, TRUN_HEAD_SIZE + 16 * video.samples.length, TYPE.trun);
    const flags = DATA_OFFSET | SAMPLE_DURATION | SAMPLE_SIZE | SAMPLE_FLAGS | SAMPLE_CTS;
    at = out.writeUInt32BE(0x01000000 | flags, at);
    at = out.writeUInt32BE(video.samples.length, at);
    at = out.writeUInt32BE(moof + 8, at);
    for (const sample of video.samples) {
      at = out.writeUInt32BE(sample.duration, at);
      at = out.writeUInt32BE(sample.data.length, at);
      at = out.writeUInt32BE(sample.key ? SYNC : NON_SYNC, at);
      at = out.writeInt32BE(sample.cts, at);
    }
  }
  if (audio) {
    at = head(out, at, audioTraf, TYPE.traf);
    at = head(out, at, AUDIO_TFHD_SIZE, TYPE.tfhd);
    at = out.writeUInt32BE(DEFAULT_BASE_IS_MOOF | DEFAULT_DURATION | DEFAULT_FLAGS, at);
    at = out.writeUInt32BE(AUDIO_TRACK_ID, at);
    at = out.writeUInt32BE(audio.usualDuration, at);
    at = out.writeUInt32BE(SYNC, at);
    at = tfdt(out, at, audio.decodeTime);
    at = head(out, at, TRUN_HEAD_SIZE + (steady ? 4 : 8) * audio.samples.length, TYPE.trun);
    at = out.writeUInt32BE(0x01000000 | DATA_OFFSET | SAMPLE_SIZE | (steady ? 0 : SAMPLE_DURATION), at);
    at = out.writeUInt32BE(audio.samples.length, at);
    at = out.writeUInt32BE(moof + 8 + videoBytes, at);
    for (const sample of audio.samples) {
      if (!steady) at = out.writeUInt32BE(sample.duration, at);
      at = out.writeUInt32BE(sample.data.length, at);
    }
  }
  at = head(out, at, 8 + videoBytes + audioBytes, TYPE.mdat);
  if (video) for (const sample of video.samples) at += sample.data.copy(out, at);
  if (audio) for (const sample of audio.samples) at += sample.data.copy(out, at);
  return out;
}

function bytesOf(samples: readonly FragmentSample[]): number {
  let bytes = 0;
  for (const sample of samples) bytes += sample.data.length;
  return bytes;
}

function head(out: Buffer, at: number, size: number, type: number): number {
  out.writeUInt32BE(size, at);
  return out.writeUInt32BE(type, at + 4);
}

/** Version 1: 64 bits. */
function tfdt(out: Buffer, at: number, time: number): number {
  const next = out.writeUInt32BE(0x01000000, head(out, at, TFDT_SIZE, TYPE.tfdt));
  out.writeUInt32BE(Math.floor(time / 0x100000000), next);
  out.writeUInt32BE(time % 0x100000000, next + 4);
  return next + 8;
}
