/** What a stream consists of at one time, with its codec parameters parsed. */
import type { TrackInfo } from "#contract/media";
import { type AacParameters, parseAudioSpecificConfig } from "../packager/aac.ts";
import { type AvcParameters, parseAvcRecord } from "../packager/avc.ts";

/** Video times count in this, whatever the codec (the least common multiple of usual frame rates). */
export const VIDEO_TIMESCALE = 90_000;

export type VideoTrack = {
  record: Buffer;
  parameters: AvcParameters;
  /** As the codec or else the encoder's metadata say. */
  frameRate: number | null;
};
export type AudioTrack = { record: Buffer; parameters: AacParameters };
export type Tracks = { video: VideoTrack | null; audio: AudioTrack | null };

/** Throws `CodecError`. `announcedRate`: frames per second by the encoder's metadata. */
export function videoTrack(record: Buffer, announcedRate?: number): VideoTrack {
  const parameters = parseAvcRecord(record);
  return { record, parameters, frameRate: parameters.frameRate ?? announcedRate ?? null };
}
/** Throws `CodecError`. */
export const audioTrack = (record: Buffer): AudioTrack => ({ record, parameters: parseAudioSpecificConfig(record) });

export function describeTracks({ video, audio }: Tracks): TrackInfo[] {
  const described: TrackInfo[] = [];
  if (video) {
    const { codec, width, height } = video.parameters;
    const rate = video.frameRate === null ? {} : { frame_rate: video.frameRate };
    described.push({ kind: "video", codec, width, height, ...rate });
  }
  if (audio) {
    const { codec, sampleRate, channels } = audio.parameters;
    described.push({ kind: "audio", codec, sample_rate: sampleRate, channels });
  }
  return described;
}
