/** The header (`ftyp`, `moov`) of a presentation with at most one video and one audio track (ISO/IEC 14496-12). */
import { type AudioTrack, type Tracks, VIDEO_TIMESCALE, type VideoTrack } from "../live/tracks.ts";

export const VIDEO_TRACK_ID = 1;
export const AUDIO_TRACK_ID = 2;

/** Undetermined language, packed (section 8.4.2.3). */
const LANGUAGE = 0x55c4;
const MATRIX = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);

/** CMAF: for segments and parts in files of their own. */
export const initSegment = (tracks: Tracks): Buffer =>
  Buffer.concat([box("ftyp", ascii("iso6"), u32(0), ascii("iso6cmfcmp41")), movie(tracks, [])]);

/**
 * Of one file that holds all of its fragments and an index; its durations are zero until it is complete. Its `mvex` also
 * knows the track that it does not have: FFmpeg reads on with the first header of a playlist, and takes the samples of a
 * track that `mvex` does not know for the other one's.
 */
export const fileHeader = (tracks: Tracks): Buffer => {
  const absent = [...(tracks.video ? [] : [VIDEO_TRACK_ID]), ...(tracks.audio ? [] : [AUDIO_TRACK_ID])];
  return Buffer.concat([
    box("ftyp", ascii("iso6"), u32(0), ascii("iso6dashmp41")),
    movie(tracks, [fullBox("mehd", 1, 0, u32(0, 0)), ...absent.map(trex)]),
  ]);
};

/** `extend`: what `mvex` begins with. */
function movie(tracks: Tracks, extend: Buffer[]): Buffer {
  const { video, audio } = tracks;
  const traks: Buffer[] = [];
  const extends_: Buffer[] = [];
  if (video) {
    traks.push(videoTrak(video));
    extends_.push(trex(VIDEO_TRACK_ID));
  }
  if (audio) {
    traks.push(audioTrak(audio));
    extends_.push(trex(AUDIO_TRACK_ID));
  }
  return box(
    "moov",
    fullBox("mvhd", 0, 0, u32(0, 0, 1000, 0, 0x10000), u16(0x100, 0), u32(0, 0), MATRIX, Buffer.alloc(24), u32(3)),
    ...traks,
    box("mvex", ...extend, ...extends_),
  );
}

function videoTrak({ record, parameters }: VideoTrack): Buffer {
  const { width, height, pixelAspect } = parameters;
  const { horizontal, vertical } = pixelAspect;
  const square = horizontal === vertical;
  const entry = box(
    "avc1",
    Buffer.alloc(6),
    u16(1),
    Buffer.alloc(16),
    u16(width, height),
    u32(0x480000, 0x480000, 0),
    u16(1),
    Buffer.alloc(32),
    u16(24, 0xffff),
    box("avcC", record),
    ...(square ? [] : [box("pasp", u32(horizontal, vertical))]),
  );
  const shownWidth = Math.min(0xffff, Math.round((width * horizontal) / vertical));
  return trak({
    id: VIDEO_TRACK_ID,
    volume: 0,
    width: shownWidth,
    height,
    timescale: VIDEO_TIMESCALE,
    handler: "vide",
    mediaHeader: fullBox("vmhd", 0, 1, u16(0, 0, 0, 0)),
    entry,
  });
}

function audioTrak({ record, parameters }: AudioTrack): Buffer {
  const { coreRate, channels } = parameters;
  const decoder = descriptor(4, Buffer.of(0x40, 0x15, 0, 0, 0), u32(0, 0), descriptor(5, record));
  const entry = box(
    "mp4a",
    Buffer.alloc(6),
    u16(1),
    u32(0, 0),
    u16(channels, 16, 0, 0),
    // 16.16 fixed point: rates that do not fit are left to the decoder's configuration.
    u16(coreRate > 0xffff ? 0 : coreRate, 0),
    fullBox("esds", 0, 0, descriptor(3, u16(AUDIO_TRACK_ID), Buffer.of(0), decoder, descriptor(6, Buffer.of(2)))),
  );
  return trak({
    id: AUDIO_TRACK_ID,
    volume: 0x100,
    width: 0,
    height: 0,
    timescale: coreRate,
    handler: "soun",
    mediaHeader: fullBox("smhd", 0, 0, u16(0, 0)),
    entry,
  });
}

type Trak = {
  id: number;
  volume: number;
  width: number;
  height: number;
  timescale: number;
  handler: "vide" | "soun";
  mediaHeader: Buffer;
  entry: Buffer;
};

function trak({ id, volume, width, height, timescale, handler, mediaHeader, entry }: Trak): Buffer {
  const noSamples = [
    fullBox("stts", 0, 0, u32(0)),
    fullBox("stsc", 0, 0, u32(0)),
    fullBox("stsz", 0, 0, u32(0, 0)),
    fullBox("stco", 0, 0, u32(0)),
  ];
  return box(
    "trak",
    fullBox(
      "tkhd",
      0,
      3,
      u32(0, 0, id, 0, 0, 0, 0),
      u16(0, 0, volume, 0),
      MATRIX,
      u32(width * 0x10000, height * 0x10000),
    ),
    box(
      "mdia",
      fullBox("mdhd", 0, 0, u32(0, 0, timescale, 0), u16(LANGUAGE, 0)),
      fullBox("hdlr", 0, 0, u32(0), ascii(handler), u32(0, 0, 0), ascii("sluice\0")),
      box(
        "minf",
        mediaHeader,
        box("dinf", fullBox("dref", 0, 0, u32(1), fullBox("url ", 0, 1))),
        box("stbl", fullBox("stsd", 0, 0, u32(1), entry), ...noSamples),
      ),
    ),
  );
}

const trex = (id: number) => fullBox("trex", 0, 0, u32(id, 1, 0, 0, 0));

function box(type: string, ...content: Buffer[]): Buffer {
  const size = content.reduce((sum, part) => sum + part.length, 8);
  return Buffer.concat([u32(size), ascii(type), ...content], size);
}

const fullBox = (type: string, version: number, flags: number, ...content: Buffer[]) =>
  box(type, u32(version * 0x1000000 + flags), ...content);

/** MPEG-4 descriptor (ISO/IEC 14496-1 section 8.3.3) of fewer than 128 bytes. */
function descriptor(tag: number, ...content: Buffer[]): Buffer {
  const payload = Buffer.concat(content);
  return Buffer.concat([Buffer.of(tag, payload.length), payload]);
}

const ascii = (text: string) => Buffer.from(text, "latin1");

function u16(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  values.forEach((value, i) => {
    bytes.writeUInt16BE(value, i * 2);
  });
  return bytes;
}

function u32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => {
    bytes.writeUInt32BE(value >>> 0, i * 4);
  });
  return bytes;
}
