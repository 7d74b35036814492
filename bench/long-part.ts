/** A recorded part of any length within seconds: a clip, repeated, through the recorder's own cutter and writer. */
import path from "node:path";
import { systemClock } from "../media-worker/live/clock.ts";
import { audioTrack, VIDEO_TIMESCALE, videoTrack } from "../media-worker/live/tracks.ts";
import { FragmentCutter } from "../media-worker/recorder/fragment-cutter.ts";
import { openHeader } from "../media-worker/recorder/header.ts";
import { type PartFile, partName } from "../media-worker/recorder/part-files.ts";
import { openPartFile, PartWriter } from "../media-worker/recorder/part-writer.ts";
import { sealPart } from "../media-worker/recorder/seal.ts";
import type { PartEnd } from "../schema/contract/recording.ts";
import type { Source, SourceTag } from "../test/harness/h264-source.ts";

/** The writer takes what comes in live; what comes faster has to wait for it. */
const QUEUE_BYTES = 4 * 1024 * 1024;
/** Of the FLV tags' bodies. */
const VIDEO_HEAD = 5;
const AUDIO_HEAD = 2;

/**
 * Writes part `part` of about `seconds` into `dir`, sealed as `finished`, and resolves to its folder. `part.json` is
 * `part`: it must tell of the same tracks.
 */
export async function writeLongPart(dir: string, part: PartFile, clip: Source, seconds: number): Promise<string> {
  if (!clip.videoHeader || !clip.audioHeader) throw new Error("the clip lacks a track");
  const audio = audioTrack(clip.audioHeader.subarray(AUDIO_HEAD));
  const tracks = { video: videoTrack(clip.videoHeader.subarray(VIDEO_HEAD), part.tracks[0]?.frame_rate), audio };
  const { header, initBytes } = openHeader(tracks);
  if (initBytes !== part.init_bytes) throw new Error("the part is of other tracks than the clip");

  let waiting = 0;
  let failure: unknown;
  const options = {
    dir,
    part,
    clock: systemClock,
    open: openPartFile,
    poke() {},
    wrote(bytes: number) {
      waiting -= bytes;
    },
    failed(error: unknown) {
      failure = error;
    },
    seal: async (folder: string, end: PartEnd) => void (await sealPart(folder, end)),
  };
  const writer = new PartWriter(options, header);
  waiting += header.length;
  const cutter = new FragmentCutter(tracks, (fragment) => {
    waiting += fragment.bytes;
    writer.append(fragment);
  });

  const rate = audio.parameters.coreRate;
  const { frameLength } = audio.parameters;
  const sounds = repeated(clip.tags.filter(({ kind }) => kind === "audio"));
  let sound = 0;
  for (const { tag, at } of pictures(clip)) {
    if (at >= seconds) break;
    const time = Math.round(at * VIDEO_TIMESCALE);
    const cts = (tag.cts * VIDEO_TIMESCALE) / 1000;
    cutter.unit({ kind: "video", time, cts, key: tag.key, data: tag.body.subarray(VIDEO_HEAD) });
    // The two tracks of a clip are never of one length: each is repeated for itself.
    for (; (sound * frameLength) / rate <= at; sound++) {
      const data = (sounds.next().value as SourceTag).body.subarray(AUDIO_HEAD);
      cutter.unit({ kind: "audio", time: sound * frameLength, duration: frameLength, data });
    }
    while (waiting > QUEUE_BYTES && !failure) await new Promise((resolve) => setImmediate(resolve));
    if (failure) throw failure;
  }
  cutter.flush();
  await writer.end("finished");
  if (failure) throw failure;
  return path.join(dir, partName(part));
}

/** The clip's pictures over and over, at a steady rate. `at`: seconds. */
function* pictures(clip: Source): Generator<{ tag: SourceTag; at: number }> {
  const video = clip.tags.filter(({ kind }) => kind === "video");
  const [first, last] = [video[0], video.at(-1)];
  if (!first || !last || first === last) throw new Error("the clip has no pictures");
  const interval = (last.timestamp - first.timestamp) / (video.length - 1) / 1000;
  let n = 0;
  for (const tag of repeated(video)) yield { tag, at: n++ * interval };
}

function* repeated<T>(items: readonly T[]): Generator<T, never> {
  if (items.length === 0) throw new Error("nothing to repeat");
  for (;;) yield* items;
}
