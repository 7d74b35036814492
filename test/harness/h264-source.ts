/**
 * Real, decodable media for tests, with chosen properties: FFmpeg encodes a test picture and a tone once for each
 * variant (kept in the system's temporary directory), and what it wrote is taken apart into the bodies of FLV tags,
 * so that a test can send each with the time stamp it likes (`rtmp-publisher.ts`).
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { type AmfObject, decodeAmf0 } from "../../media-worker/servers/rtmp/amf0.ts";

export type SourceOptions = {
  /** 6 s by default. */
  seconds?: number;
  /** Null: no video. */
  video?: VideoOptions | null;
  /** Null: no audio. */
  audio?: AudioOptions | null;
};

export type VideoOptions = {
  /** `320x180` by default. */
  size?: string;
  /** Frames per second, 30 by default. */
  rate?: number;
  /** Seconds between keyframes, 1 by default. */
  gopSeconds?: number;
  bFrames?: number;
  /** Keyframes after the first are recovery points, not IDR pictures. */
  openGop?: boolean;
  /** Frames 33, 100, 267 and 367 ms apart, in turn (at 30 fps). */
  variableRate?: boolean;
};

export type AudioOptions = {
  /** AAC by default. */
  codec?: "aac" | "mp3";
  /** 48,000 by default. */
  sampleRate?: number;
  /** 2 by default. */
  channels?: number;
};

/** One audio or video message, as FFmpeg muxed it. */
export type SourceTag = {
  kind: "video" | "audio";
  /** DTS in ms, from 0 on. */
  timestamp: number;
  /** PTS − DTS in ms. */
  cts: number;
  /** Video: FFmpeg calls it a keyframe (with an open GOP it need not be an IDR picture). Audio: true. */
  key: boolean;
  /** The FLV tag's body: what an RTMP message carries. */
  body: Buffer;
};

export type Source = {
  metadata: AmfObject | null;
  /** Tag bodies of the sequence headers. MP3 has none. */
  videoHeader: Buffer | null;
  audioHeader: Buffer | null;
  tags: SourceTag[];
};

const run = promisify(execFile);
const DIRECTORY = path.join(tmpdir(), "sluice-test-media");

/** Encodes a variant, or finds it encoded already. */
export async function makeSource(options: SourceOptions = {}): Promise<Source> {
  const file = await encode([...inputsAndCodecs(options), "-t", String(options.seconds ?? 6)], "flv");
  return parseFlv(readFileSync(file));
}

function inputsAndCodecs(options: SourceOptions): string[] {
  const { video = {}, audio = {} } = options;
  const inputs: string[] = [];
  const codecs: string[] = [];
  if (video !== null) {
    const rate = video.rate ?? 30;
    const gop = String(Math.round((video.gopSeconds ?? 1) * rate));
    inputs.push("-f", "lavfi", "-i", `testsrc2=size=${video.size ?? "320x180"}:rate=${rate}`);
    codecs.push("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", gop, "-keyint_min", gop);
    codecs.push("-sc_threshold", "0", "-bf", String(video.bFrames ?? 0), "-b:v", "300k");
    if (video.openGop) codecs.push("-flags", "-cgop", "-x264-params", "open-gop=1");
    if (video.variableRate) {
      codecs.push("-vf", "select='eq(mod(n,23),0)+eq(mod(n,23),1)+eq(mod(n,23),4)+eq(mod(n,23),12)'");
      codecs.push("-fps_mode", "vfr");
    }
  }
  if (audio !== null) {
    const sampleRate = audio.sampleRate ?? (audio.codec === "mp3" ? 44_100 : 48_000);
    inputs.push("-f", "lavfi", "-i", `sine=frequency=440:sample_rate=${sampleRate}`);
    codecs.push("-c:a", audio.codec === "mp3" ? "libmp3lame" : "aac", "-b:a", "64k");
    codecs.push("-ar", String(sampleRate), "-ac", String(audio.channels ?? 2));
  }
  return [...inputs, ...codecs];
}

/** By path, what is being made: tests of one file may run at the same time and want the same. */
const encoding = new Map<string, Promise<string>>();

/** The path of what FFmpeg made of these arguments, now or before. */
function encode(args: string[], extension: string): Promise<string> {
  const name = createHash("sha256").update(JSON.stringify(args)).digest("hex").slice(0, 20);
  const file = path.join(DIRECTORY, `${name}.${extension}`);
  const running =
    encoding.get(file) ?? encodeTo(file, args, path.join(DIRECTORY, `${name}.${process.pid}.${extension}`));
  encoding.set(file, running);
  return running;
}

/** Test files run at the same time too: each writes a file of its own, and the last rename wins. */
async function encodeTo(file: string, args: string[], unfinished: string): Promise<string> {
  if (existsSync(file)) return file;
  mkdirSync(DIRECTORY, { recursive: true });
  await run("ffmpeg", ["-v", "error", "-y", "-nostdin", ...args, unfinished]);
  renameSync(unfinished, file);
  return file;
}

const FLV_AUDIO = 8;
const FLV_VIDEO = 9;
const FLV_DATA = 18;

/** FLV 10.1, Annex E.3: a nine-byte header, then tags with the size of the one before in front of each. */
export function parseFlv(file: Buffer): Source {
  const source: Source = { metadata: null, videoHeader: null, audioHeader: null, tags: [] };
  for (let at = 9 + 4; at + 11 <= file.length; ) {
    const size = file.readUIntBE(at + 1, 3);
    const timestamp = file.readUIntBE(at + 4, 3) + file[at + 7]! * 2 ** 24;
    const body = file.subarray(at + 11, at + 11 + size);
    if (file[at] === FLV_DATA) {
      const [, metadata] = decodeAmf0(body);
      source.metadata = metadata as AmfObject;
    } else if (file[at] === FLV_VIDEO) {
      const key = body[0]! >> 4 === 1;
      if (body[1] === 0) source.videoHeader = body;
      else if (body[1] === 1) source.tags.push({ kind: "video", timestamp, cts: body.readIntBE(2, 3), key, body });
    } else if (file[at] === FLV_AUDIO) {
      const isAac = body[0]! >> 4 === 10;
      if (isAac && body[1] === 0) source.audioHeader = body;
      else source.tags.push({ kind: "audio", timestamp, cts: 0, key: true, body });
    }
    at += 11 + size + 4;
  }
  return source;
}

/** An H.264 tag body in the form of Enhanced RTMP (FourCC `avc1`). */
export function enhancedVideo(body: Buffer): Buffer {
  const head = Buffer.concat([Buffer.of(0x80 | (body[0]! & 0x70) | body[1]!), Buffer.from("avc1")]);
  const isHeader = body[1] === 0;
  return Buffer.concat([head, body.subarray(isHeader ? 5 : 2)]);
}

/** An AAC tag body in the form of Enhanced RTMP (FourCC `mp4a`). */
export function enhancedAudio(body: Buffer): Buffer {
  return Buffer.concat([Buffer.of(0x90 | body[1]!), Buffer.from("mp4a"), body.subarray(2)]);
}

/**
 * H.265 video, without audio, in the form of Enhanced RTMP (FourCC `hvc1`), or in the older one that some encoders use
 * (codec id 12). FFmpeg 5 does not put it into FLV: it is taken out of an MP4 file.
 */
export async function makeH265Source(form: "enhanced" | "codec-12", seconds = 2): Promise<Source> {
  const rate = 30;
  const input = ["-f", "lavfi", "-i", `testsrc2=size=320x180:rate=${rate}`, "-t", String(seconds)];
  const codec = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", `aud=1:bframes=0:keyint=${rate}`];
  const mp4 = readFileSync(await encode([...input, ...codec, "-tag:v", "hvc1"], "mp4"));
  const tag = (key: boolean, packet: 0 | 1, data: Buffer) => {
    const frameType = key ? 1 : 2;
    const head =
      form === "enhanced"
        ? [Buffer.of(0x80 | (frameType << 4) | packet), Buffer.from("hvc1"), Buffer.alloc(packet === 1 ? 3 : 0)]
        : [Buffer.of((frameType << 4) | 12, packet, 0, 0, 0)];
    return Buffer.concat([...head, data]);
  };
  const tags = splitPictures(box(mp4, "mdat")).map(({ key, data }, n): SourceTag => {
    return { kind: "video", timestamp: Math.round((n * 1000) / rate), cts: 0, key, body: tag(key, 1, data) };
  });
  return { metadata: null, videoHeader: tag(true, 0, box(mp4, "hvcC")), audioHeader: null, tags };
}

/** The content of the first box of that name, wherever it is. */
function box(mp4: Buffer, name: string): Buffer {
  const at = mp4.indexOf(name);
  if (at < 4) throw new Error(`no ${name} box`);
  return mp4.subarray(at + 4, at - 4 + mp4.readUInt32BE(at - 4));
}

const HEVC_ACCESS_UNIT_DELIMITER = 35;

function splitPictures(mdat: Buffer): { key: boolean; data: Buffer }[] {
  const starts: number[] = [];
  const keys: boolean[] = [];
  for (let at = 0; at + 6 <= mdat.length; at += 4 + mdat.readUInt32BE(at)) {
    const type = (mdat[at + 4]! >> 1) & 0x3f;
    if (type === HEVC_ACCESS_UNIT_DELIMITER) {
      starts.push(at);
      keys.push(false);
    } else if (type >= 16 && type <= 21) keys[keys.length - 1] = true;
  }
  return starts.map((start, n) => ({ key: keys[n] ?? false, data: mdat.subarray(start, starts[n + 1]) }));
}
