/** Media for the packager without an encoder: real codec parameters, meaningless pictures. */
import type { TimedUnit } from "../../media-worker/live/reader.ts";
import { audioTrack, type Tracks, videoTrack } from "../../media-worker/live/tracks.ts";
import type { HlsOutput } from "../../media-worker/packager/hls-output.ts";
import type { FollowedSegment } from "./hls-follow.ts";
import { type MediaPlaylist, parseMedia } from "./m3u8.ts";
import { readFragments, readInit } from "./mp4.ts";

/** 320x180 at 30 fps. */
export const AVC_RECORD = Buffer.from(
  "0142c00dffe100176742c00dda05067e7c0440000003004000000f03c50aa801000468ce0fc8",
  "hex",
);
/** 48 kHz stereo. */
export const AAC_CONFIG = Buffer.from("1190", "hex");

export const VIDEO: Tracks = { video: videoTrack(AVC_RECORD), audio: null };
export const AUDIO: Tracks = { video: null, audio: audioTrack(AAC_CONFIG) };
export const BOTH: Tracks = { video: VIDEO.video, audio: AUDIO.audio };

export type FrameOptions = {
  seconds: number;
  /** Ms from one frame to the next; 1000/30, rounded as RTMP does, by default. */
  interval?: (frame: number) => number;
  /** Whether a frame is an IDR picture; every 60th by default. */
  key?: (frame: number, ms: number) => boolean;
  bytes?: number;
};

/** Pictures in ticks of 90 kHz. */
export function pictures({ seconds, interval, key = (n) => n % 60 === 0, bytes = 1000 }: FrameOptions): TimedUnit[] {
  const units: TimedUnit[] = [];
  let ms = 0;
  for (let n = 0; ms < seconds * 1000; n++) {
    units.push({ kind: "video", time: ms * 90, cts: 0, key: key(n, ms), data: Buffer.alloc(bytes, n) });
    ms = interval ? ms + interval(n) : Math.round(((n + 1) * 1000) / 30);
  }
  return units;
}

/** AAC frames at 48 kHz. */
export function sound(seconds: number, bytes = 200): TimedUnit[] {
  const frames = Math.floor((seconds * 48_000) / 1024);
  return Array.from({ length: frames }, (_, n) => ({
    kind: "audio",
    time: n * 1024,
    duration: 1024,
    data: Buffer.alloc(bytes, n),
  }));
}

/** Both in order of time, as an encoder interleaves them. */
export function interleaved(...tracks: TimedUnit[][]): TimedUnit[] {
  const at = (unit: TimedUnit) => unit.time / (unit.kind === "video" ? 90_000 : 48_000);
  return tracks.flat().sort((a, b) => at(a) - at(b));
}

export const GRANT = { epoch: "e1", first_msn: 0, discontinuity_sequence: 0, last_target_duration_s: null };

export const mediaOf = (output: HlsOutput): MediaPlaylist => parseMedia(output.media?.plain.toString() ?? "");

/** Bytes under a name, wherever they are. */
export async function fetchFrom(output: HlsOutput, name: string): Promise<Buffer | null> {
  const found = output.find(name);
  if (found.found === "data") return Buffer.concat(found.data);
  if (found.found === "stored") return found.stored.read(found.offset, found.offset + found.length);
  return null;
}

/** A listed segment as the follower sees it. */
export async function followed(
  output: HlsOutput,
  segment: MediaPlaylist["segments"][number],
): Promise<FollowedSegment> {
  const init = await fetchFrom(output, segment.map ?? "");
  const bytes = await fetchFrom(output, segment.uri);
  if (init === null || bytes === null) throw new Error(`segment ${segment.msn} cannot be fetched`);
  const tracks = readInit(init);
  const fragments = readFragments(bytes, tracks);
  const video = fragments.find(({ track }) => track.kind === "video");
  return { ...segment, init, bytes, tracks, fragments, startsWithSync: video?.samples[0]?.sync !== false };
}
