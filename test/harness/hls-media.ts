/** What a followed presentation shows when it is played: frames, times, and FFmpeg's verdict. */
import { decodeErrors, type FollowedSegment, joined } from "./hls-follow.ts";
import type { Sample } from "./mp4.ts";

/** Consecutive segments without a discontinuity: one stretch that a decoder plays through. */
export type Stretch = {
  segments: FollowedSegment[];
  video: PlacedSample[];
  audio: PlacedSample[];
  /** EXTINFs together, in seconds. */
  duration: number;
};

/** Times in seconds on the stretch's own time line. */
export type PlacedSample = Sample & { dts: number; pts: number; lasts: number };

export function stretches(segments: FollowedSegment[]): Stretch[] {
  const found: FollowedSegment[][] = [];
  for (const segment of segments) {
    const last = found.at(-1);
    if (last === undefined || segment.discontinuity || last[0]?.map !== segment.map) found.push([segment]);
    else last.push(segment);
  }
  return found.map((those) => ({
    segments: those,
    video: samplesOf(those, "video"),
    audio: samplesOf(those, "audio"),
    duration: those.reduce((sum, segment) => sum + segment.duration, 0),
  }));
}

function samplesOf(segments: FollowedSegment[], kind: "video" | "audio"): PlacedSample[] {
  return segments.flatMap((segment) =>
    segment.fragments
      .filter((fragment) => fragment.track.kind === kind)
      .flatMap(({ decodeTime, samples, track }) => {
        let time = decodeTime;
        return samples.map((sample) => {
          const dts = time / track.timescale;
          time += sample.duration;
          const pts = dts + sample.compositionOffset / track.timescale;
          return { ...sample, dts, pts, lasts: sample.duration / track.timescale };
        });
      }),
  );
}

/** FFmpeg's complaints about each stretch, played from its beginning. */
export async function playErrors(segments: FollowedSegment[]): Promise<string> {
  const errors = await Promise.all(stretches(segments).map((stretch) => decodeErrors(joined(stretch.segments))));
  return errors.filter(Boolean).join("\n");
}

/** Seconds between the starts of audio and video, as presented. */
export function audioOffset({ audio, video }: Stretch, at: "start" | "end"): number {
  const pick = (samples: PlacedSample[]) => {
    const times = samples.map((sample) => sample.pts).sort((a, b) => a - b);
    return (at === "start" ? times[0] : times.at(-1)) ?? Number.NaN;
  };
  return pick(audio) - pick(video);
}
