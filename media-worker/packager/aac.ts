/** AAC parameters: AudioSpecificConfig (ISO/IEC 14496-3 section 1.6.2.1). */
import { BitReader } from "./bits.ts";
import { CodecError } from "./codec-error.ts";

export type AacParameters = {
  /** RFC 6381, e.g. `mp4a.40.2`. */
  codec: string;
  /** Of the core coder, in Hz: what frame durations count in. */
  coreRate: number;
  /** What is heard: twice the core's with explicit SBR. */
  sampleRate: number;
  channels: number;
  /** Samples per frame at `coreRate`. */
  frameLength: number;
};

const RATES = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350];
/** By channel configuration; 0 describes itself in a program config element, which no encoder of ours sends. */
const CHANNELS = [0, 1, 2, 3, 4, 5, 6, 8];
const SBR = 5;
const PS = 29;
/** Main, LC, SSR, LTP: what is framed as 1024 or 960 samples of plain AAC. */
const CORE_TYPES = new Set([1, 2, 3, 4]);
/** Far above any configuration without exotic extensions, and its descriptor's length fits one byte. */
const MAX_LENGTH = 64;

/** Throws `CodecError`. */
export function parseAudioSpecificConfig(config: Buffer): AacParameters {
  if (config.length > MAX_LENGTH) throw new CodecError("malformed", "AAC configuration is too long");
  const bits = new BitReader(config);
  const signalled = objectType(bits);
  const coreRate = samplingRate(bits);
  const channelConfiguration = bits.read(4);
  let core = signalled;
  let sampleRate = coreRate;
  if (signalled === SBR || signalled === PS) {
    sampleRate = samplingRate(bits);
    core = objectType(bits);
  }
  const frameLength = bits.flag() ? 960 : 1024;
  if (bits.overrun) throw new CodecError("malformed", "AAC configuration is truncated");
  if (!CORE_TYPES.has(core)) {
    throw new CodecError("unsupported", `MPEG-4 audio object type ${core} is not supported, send AAC-LC`);
  }
  const channels = CHANNELS[channelConfiguration] ?? 0;
  if (channels === 0) {
    throw new CodecError("unsupported", `AAC channel configuration ${channelConfiguration} is not supported`);
  }
  return { codec: `mp4a.40.${signalled}`, coreRate, sampleRate, channels, frameLength };
}

function objectType(bits: BitReader): number {
  const type = bits.read(5);
  return type === 31 ? 32 + bits.read(6) : type;
}

function samplingRate(bits: BitReader): number {
  const index = bits.read(4);
  const rate = index === 15 ? bits.read(24) : (RATES[index] ?? 0);
  if (bits.overrun) throw new CodecError("malformed", "AAC configuration is truncated");
  if (rate < 7350 || rate > 96_000) throw new CodecError("malformed", `AAC sampling rate ${rate} is impossible`);
  return rate;
}
