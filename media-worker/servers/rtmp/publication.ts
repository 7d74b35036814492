/** The media of one publish session: RTMP messages in, parameter sets and access units out to the hub. */
import type { Announced, PublisherInput } from "../../live/media.ts";
import { type AmfObject, type AmfValue, decodeAmf0 } from "./amf0.ts";
import { ProtocolError } from "./chunk.ts";
import { inspectPicture, nalLengthSize, Tag } from "./flv-tags.ts";
import { TimestampUnwrapper } from "./timestamps.ts";

export class UnsupportedCodec extends Error {
  override name = "UnsupportedCodec";
  readonly kind: "video" | "audio";
  readonly codec: string;
  constructor(kind: "video" | "audio", codec: string) {
    super(`${codec} ${kind} is not supported`);
    this.kind = kind;
    this.codec = codec;
  }
}

const MAX_CONFIG = 16 * 1024;
/** So many damaged pictures in a row are no transmission error: the encoder sends something else than it should. */
const MAX_DAMAGED = 60;
/** How long a publisher whose audio we cannot take may go without a video message before it counts as audio only. */
const VIDEO_WAIT_MS = 3000;
/** Codecs the streamer is warned of, in one session. */
const MAX_DROPPED = 4;
const METADATA = /^(@setDataFrame|onMetaData)/;

export class Publication {
  readonly #input: PublisherInput;
  readonly #now: () => number;
  readonly #time = new TimestampUnwrapper();
  readonly #tag = new Tag();
  #videoConfig: Buffer | null = null;
  #audioConfig: Buffer | null = null;
  #lengthSize = 0;
  #damaged = 0;
  #videoSeen = false;
  #videoAnnounced: boolean | undefined;
  readonly #droppedAudio = new Set<string>();
  #droppedSince = 0;

  constructor(input: PublisherInput, now: () => number) {
    this.#input = input;
    this.#now = now;
  }

  /** A video message. Throws `UnsupportedCodec` or `ProtocolError`. */
  video(timestamp: number, payload: Buffer): void {
    const tag = this.#tag;
    tag.readVideo(payload);
    if (tag.content !== "media" && tag.content !== "config") return;
    if (tag.codec !== "H.264") throw new UnsupportedCodec("video", tag.codec);
    this.#videoSeen = true;
    const data = payload.subarray(tag.offset);
    if (data.length === 0) return;
    if (tag.content === "config") this.#setVideo(data);
    else if (this.#lengthSize > 0) this.#picture(timestamp, tag.cts, data);
  }

  /** An audio message. Throws `UnsupportedCodec` or `ProtocolError`. */
  audio(timestamp: number, payload: Buffer): void {
    const tag = this.#tag;
    tag.readAudio(payload);
    if (tag.content !== "media" && tag.content !== "config") return;
    if (tag.codec !== "AAC") {
      this.#dropAudio(tag.codec);
      return;
    }
    const data = payload.subarray(tag.offset);
    if (data.length === 0) return;
    if (tag.content === "config") this.#setAudio(data);
    else if (this.#audioConfig !== null)
      this.#input.unit({ kind: "audio", dts: this.#time.unwrap(timestamp), cts: 0, key: true, data });
  }

  /** A data message: metadata is announced, anything else ignored unread. Throws `AmfError`. */
  data(payload: Buffer): void {
    if (!METADATA.test(payload.toString("latin1", 3, 16))) return;
    const metadata = decodeAmf0(payload).find((value) => typeof value === "object" && value !== null);
    if (metadata === undefined || metadata === null || typeof metadata !== "object" || Array.isArray(metadata)) return;
    const announced = readMetadata(metadata);
    if (announced.video !== undefined) this.#videoAnnounced = announced.video;
    this.#input.announce(announced);
  }

  #setVideo(record: Buffer): void {
    if (this.#videoConfig?.equals(record)) return;
    const lengthSize = nalLengthSize(record);
    if (lengthSize === 0 || record.length > MAX_CONFIG) throw new ProtocolError("a damaged H.264 sequence header");
    this.#lengthSize = lengthSize;
    this.#videoConfig = Buffer.from(record);
    this.#input.video({ codec: "h264", record: this.#videoConfig });
  }

  #setAudio(record: Buffer): void {
    if (this.#audioConfig?.equals(record)) return;
    if (record.length < 2 || record.length > MAX_CONFIG) throw new ProtocolError("a damaged AAC sequence header");
    this.#audioConfig = Buffer.from(record);
    this.#input.audio({ codec: "aac", record: this.#audioConfig });
  }

  /** NAL units without a picture (parameter sets or SEI sent apart) would be samples that show nothing: left out. */
  #picture(timestamp: number, cts: number, data: Buffer): void {
    const found = inspectPicture(data, this.#lengthSize);
    if (found === "damaged") {
      if (++this.#damaged >= MAX_DAMAGED) throw new ProtocolError("NAL unit lengths that do not fit, over and over");
      return;
    }
    this.#damaged = 0;
    if (found === "none") return;
    this.#input.unit({ kind: "video", dts: this.#time.unwrap(timestamp), cts, key: found === "idr", data });
  }

  /** The video goes on without it; a publisher that has nothing else is told. */
  #dropAudio(codec: string): void {
    const dropped = this.#droppedAudio;
    if (dropped.size === 0) this.#droppedSince = this.#now();
    if (!dropped.has(codec) && dropped.size < MAX_DROPPED) {
      dropped.add(codec);
      this.#input.dropped("audio", codec);
    }
    if (this.#videoSeen) return;
    const audioOnly = this.#videoAnnounced === false || this.#now() - this.#droppedSince >= VIDEO_WAIT_MS;
    if (audioOnly) throw new UnsupportedCodec("audio", codec);
  }
}

/** `videocodecid` and `audiocodecid` are FLV's numbers, a FourCC as a number (Enhanced RTMP), or its letters (OBS). */
const TAKEN_AUDIO = new Set<AmfValue>([10, 0x6d703461, "mp4a"]);

/** Audio of a codec we drop is announced as no audio, so that nobody waits for it. */
function readMetadata(metadata: AmfObject): Announced {
  const { videocodecid, audiocodecid, width, framerate, encoder } = metadata;
  const announced: Announced = {};
  const video = (videocodecid !== undefined && videocodecid !== 0) || (typeof width === "number" && width > 0);
  const audio = audiocodecid !== undefined;
  if (video || audio) {
    announced.video = video;
    announced.audio = TAKEN_AUDIO.has(audiocodecid);
  }
  if (typeof framerate === "number" && framerate > 0 && framerate <= 1000) announced.frame_rate = framerate;
  if (typeof encoder === "string") announced.encoder = encoder.slice(0, 100);
  return announced;
}
