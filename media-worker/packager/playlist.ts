/** The texts of the multivariant and the media playlist (RFC 8216bis). Every URI is relative. */
import { MEDIA_PLAYLIST } from "#kit/media-names";
import { describeTracks } from "../live/tracks.ts";
import { partName, type Segment, segmentName } from "./window.ts";

/** Parts further from the end than this many target durations are not listed (section 6.2.2). */
const PARTS_SPAN = 3;
/** Of each client from the live edge, in target durations and in part targets (section 4.4.3.8). */
const HOLD_BACK = 3;

export type MediaPlaylist = {
  segments: readonly Segment[];
  discontinuitySequence: number;
  target: number;
  partTarget: number;
  independentSegments: boolean;
  ended: boolean;
  /** What comes next, if anything does, begins a new stretch: a publisher went away, or another came. */
  breaks: boolean;
  /** Name of the part that is expected next; null when none is. */
  hint: string | null;
};

export function mediaPlaylist(playlist: MediaPlaylist): string {
  const { segments, target, partTarget, discontinuitySequence } = playlist;
  const lines = [
    "#EXTM3U",
    "#EXT-X-VERSION:9",
    `#EXT-X-TARGETDURATION:${target}`,
    `#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=${decimal(HOLD_BACK * partTarget)},HOLD-BACK=${decimal(HOLD_BACK * target)}`,
    `#EXT-X-PART-INF:PART-TARGET=${decimal(partTarget)}`,
    `#EXT-X-MEDIA-SEQUENCE:${segments[0]?.msn ?? 0}`,
  ];
  if (discontinuitySequence > 0 || playlist.breaks || segments.some((segment) => segment.discontinuity)) {
    lines.push(`#EXT-X-DISCONTINUITY-SEQUENCE:${discontinuitySequence}`);
  }
  if (playlist.independentSegments) lines.push("#EXT-X-INDEPENDENT-SEGMENTS");
  let left = segments.reduce((sum, segment) => sum + segment.duration, 0);
  let init = "";
  for (const segment of segments) {
    if (segment.discontinuity) lines.push("#EXT-X-DISCONTINUITY");
    if (segment.init.name !== init) {
      init = segment.init.name;
      lines.push(`#EXT-X-MAP:URI="${init}"`);
    }
    lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(Math.round(segment.programDateTime)).toISOString()}`);
    left -= segment.duration;
    if (left < PARTS_SPAN * target) pushParts(lines, segment);
    if (segment.complete) lines.push(`#EXTINF:${decimal(segment.duration)},`, segmentName(segment));
  }
  // Said early, for hls.js 1.7.4 takes the last segment for the next one when no tag follows it, and then finds that
  // the next one's discontinuity does not fit.
  if (playlist.breaks) lines.push("#EXT-X-DISCONTINUITY");
  if (playlist.ended) lines.push("#EXT-X-ENDLIST");
  else if (playlist.hint) lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${playlist.hint}"`);
  lines.push("");
  return lines.join("\n");
}

function pushParts(lines: string[], segment: Segment): void {
  segment.parts.forEach(({ duration, independent }, index) => {
    const attribute = independent ? ",INDEPENDENT=YES" : "";
    lines.push(`#EXT-X-PART:DURATION=${decimal(duration)},URI="${partName(segment, index)}"${attribute}`);
  });
}

export type MultivariantPlaylist = {
  segments: readonly Segment[];
  /** Bits per second. */
  bandwidth: number;
  averageBandwidth: number;
  frameRate: number | null;
  independentSegments: boolean;
};

export function multivariantPlaylist(playlist: MultivariantPlaylist): string {
  // Of each kind the newest: after a change the older ones leave the window within seconds.
  const tracks = playlist.segments.flatMap((segment) => describeTracks(segment.init.tracks));
  const video = tracks.findLast(({ kind }) => kind === "video");
  const audio = tracks.findLast(({ kind }) => kind === "audio");
  const codecs = [video, audio].flatMap((track) => track?.codec ?? []);
  const attributes = [
    `BANDWIDTH=${playlist.bandwidth}`,
    `AVERAGE-BANDWIDTH=${playlist.averageBandwidth}`,
    `CODECS="${codecs.join(",")}"`,
  ];
  if (video) attributes.push(`RESOLUTION=${video.width}x${video.height}`);
  if (video && playlist.frameRate !== null) attributes.push(`FRAME-RATE=${playlist.frameRate.toFixed(3)}`);
  return [
    "#EXTM3U",
    "#EXT-X-VERSION:9",
    ...(playlist.independentSegments ? ["#EXT-X-INDEPENDENT-SEGMENTS"] : []),
    `#EXT-X-STREAM-INF:${attributes.join(",")}`,
    MEDIA_PLAYLIST,
    "",
  ].join("\n");
}

/** Seconds, exact to 10 µs. */
const decimal = (value: number) => value.toFixed(5);
