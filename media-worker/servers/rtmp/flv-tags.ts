/**
 * The first bytes of RTMP audio and video messages: the tag headers of FLV 10.1 (Annex E.4) and of Enhanced RTMP v2
 * (Veovera), where a FourCC names the codec.
 */

/** What a message carries: parameter sets, media, the end of a sequence, or nothing we use. */
export type TagContent = "config" | "media" | "end" | "other";

const FRAME_COMMAND = 5;

/** Codec names as they are shown to streamers. `H.264` and `AAC` are the ones we take. */
const VIDEO_CODECS: Record<number, string> = {
  1: "JPEG",
  2: "Sorenson H.263",
  3: "Screen Video",
  4: "VP6",
  5: "VP6 with alpha",
  6: "Screen Video 2",
  7: "H.264",
  12: "H.265 (HEVC)",
  13: "AV1",
};
const AUDIO_CODECS: Record<number, string> = {
  0: "PCM",
  1: "ADPCM",
  2: "MP3",
  3: "PCM",
  4: "Nellymoser",
  5: "Nellymoser",
  6: "Nellymoser",
  7: "G.711 A-law",
  8: "G.711 µ-law",
  10: "AAC",
  11: "Speex",
  13: "Opus",
  14: "MP3",
};
const FOURCC: Record<string, string> = {
  avc1: "H.264",
  hvc1: "H.265 (HEVC)",
  vvc1: "H.266 (VVC)",
  av01: "AV1",
  vp08: "VP8",
  vp09: "VP9",
  mp4a: "AAC",
  ".mp3": "MP3",
  Opus: "Opus",
  "ac-3": "AC-3",
  "ec-3": "E-AC-3",
  fLaC: "FLAC",
};

const AUDIO_AAC = 10;
const AUDIO_ENHANCED = 9;
const VIDEO_AVC = 7;
const PACKET = {
  sequenceStart: 0,
  codedFrames: 1,
  sequenceEnd: 2,
  codedFramesX: 3,
  multitrack: 5,
  modifier: 7,
} as const;
const VIDEO_MULTITRACK = 6;

/** Read in place: one object serves all messages of a session. */
export class Tag {
  content: TagContent = "other";
  codec = "";
  /** Composition offset in ms. */
  cts = 0;
  /** Where the tag's header ends. */
  offset = 0;

  /** A message of type 9. */
  readVideo(payload: Buffer): void {
    this.#reset();
    const first = payload[0];
    if (first === undefined) return;
    if ((first & 0x80) !== 0) {
      this.#readEnhanced(payload, first & 0x0f, VIDEO_MULTITRACK);
      if (((first >> 4) & 7) === FRAME_COMMAND) this.content = "other";
      return;
    }
    const codec = first & 0x0f;
    this.codec = VIDEO_CODECS[codec] ?? `video codec ${codec}`;
    if (first >> 4 === FRAME_COMMAND) return;
    if (codec !== VIDEO_AVC) {
      this.content = "media";
      return;
    }
    if (payload.length < 5) return;
    this.content = payload[1] === 0 ? "config" : payload[1] === 1 ? "media" : payload[1] === 2 ? "end" : "other";
    this.cts = payload.readIntBE(2, 3);
    this.offset = 5;
  }

  /** A message of type 8. */
  readAudio(payload: Buffer): void {
    this.#reset();
    const first = payload[0];
    if (first === undefined) return;
    const codec = first >> 4;
    if (codec === AUDIO_ENHANCED) {
      this.#readEnhanced(payload, first & 0x0f, PACKET.multitrack);
      return;
    }
    this.codec = AUDIO_CODECS[codec] ?? `audio codec ${codec}`;
    if (codec !== AUDIO_AAC) {
      this.content = "media";
      return;
    }
    if (payload.length < 2) return;
    this.content = payload[1] === 0 ? "config" : payload[1] === 1 ? "media" : "other";
    this.offset = 2;
  }

  #reset(): void {
    this.content = "other";
    this.codec = "";
    this.cts = 0;
    this.offset = 0;
  }

  /** Packets of further tracks ("multitrack") are none of ours: encoders send the first track in the plain form. */
  #readEnhanced(payload: Buffer, packetType: number, multitrack: number): void {
    let packet = packetType;
    let at = 1;
    while (packet === PACKET.modifier) {
      let size = (payload[at++] ?? 0) + 1;
      if (size === 256) {
        if (at + 2 > payload.length) return;
        size = payload.readUInt16BE(at) + 1;
        at += 2;
      }
      at += size;
      const next = payload[at++];
      if (next === undefined) return;
      packet = next & 0x0f;
    }
    if (packet === multitrack || at + 4 > payload.length) return;
    const fourCc = payload.toString("latin1", at, at + 4);
    at += 4;
    this.codec = FOURCC[fourCc] ?? JSON.stringify(fourCc);
    this.content = CONTENT[packet] ?? "other";
    if (packet === PACKET.codedFrames && fourCc === "avc1") {
      if (at + 3 > payload.length) {
        this.content = "other";
        return;
      }
      this.cts = payload.readIntBE(at, 3);
      at += 3;
    }
    this.offset = at;
  }
}

const CONTENT: Partial<Record<number, TagContent>> = {
  [PACKET.sequenceStart]: "config",
  [PACKET.codedFrames]: "media",
  [PACKET.sequenceEnd]: "end",
  [PACKET.codedFramesX]: "media",
};

/** The size of the length prefix (1, 2 or 4), or 0 if this is no usable AVCDecoderConfigurationRecord. */
export function nalLengthSize(record: Buffer): number {
  if (record.length < 8 || record[0] !== 1 || ((record[5] ?? 0) & 0x1f) === 0) return 0;
  const size = ((record[4] ?? 0) & 3) + 1;
  return size === 3 ? 0 : size;
}

const NAL_IDR = 5;

/**
 * What an access unit of length-prefixed NAL units (ISO/IEC 14496-15) is: an IDR picture, another picture, NAL units
 * without a picture, or not what it should be (a length that does not fit).
 */
export function inspectPicture(data: Buffer, lengthSize: number): "idr" | "picture" | "none" | "damaged" {
  const end = data.length;
  let at = 0;
  let found: "idr" | "picture" | "none" = "none";
  while (at < end) {
    if (at + lengthSize >= end) return "damaged";
    const length =
      lengthSize === 4 ? data.readUInt32BE(at) : lengthSize === 2 ? data.readUInt16BE(at) : data.readUInt8(at);
    at += lengthSize;
    if (length === 0 || at + length > end) return "damaged";
    const type = (data[at] ?? 0) & 0x1f;
    if (type === NAL_IDR) found = "idr";
    else if (type >= 1 && type < NAL_IDR && found === "none") found = "picture";
    at += length;
  }
  return found;
}
