/**
 * The media playlist of a VOD (RFC 8216): its parts joined by discontinuities, each run a segment that is a byte range
 * of its part's object. Media URIs are relative, so that the playlist never goes stale. Pure.
 */
import type { Run } from "#contract/recording";
import { type PartName, partName } from "./part-name.ts";

export type PlaylistPart = PartName & {
  /** UTC ms. */
  started_at: number;
  init_bytes: number;
  header_bytes: number;
  runs: readonly Run[];
};

/** `query`: more for the query of each URI, e.g. `token=…`. */
export function vodPlaylist(parts: readonly PlaylistPart[], query = ""): string {
  const played = parts.map((part, index) => ({ part, n: index + 1 })).filter(({ part }) => part.runs.length > 0);
  const longest = Math.max(0, ...played.map(({ part }) => part.runs.reduce((most, [, ms]) => Math.max(most, ms), 0)));
  const lines = [
    "#EXTM3U",
    "#EXT-X-VERSION:7",
    `#EXT-X-TARGETDURATION:${Math.max(1, Math.round(longest / 1000))}`,
    "#EXT-X-MEDIA-SEQUENCE:0",
    "#EXT-X-PLAYLIST-TYPE:VOD",
    // Each run begins with a keyframe.
    "#EXT-X-INDEPENDENT-SEGMENTS",
  ];
  for (const [index, { part, n }] of played.entries()) {
    const uri = `parts/${n}.mp4?v=${partName(part)}${query && `&${query}`}`;
    if (index > 0) lines.push("#EXT-X-DISCONTINUITY");
    lines.push(
      `#EXT-X-MAP:URI="${uri}",BYTERANGE="${part.init_bytes}@0"`,
      `#EXT-X-PROGRAM-DATE-TIME:${new Date(part.started_at).toISOString()}`,
    );
    let offset = part.header_bytes;
    for (const [bytes, ms] of part.runs) {
      lines.push(`#EXTINF:${seconds(ms)},`, `#EXT-X-BYTERANGE:${bytes}@${offset}`, uri);
      offset += bytes;
    }
  }
  return `${[...lines, "#EXT-X-ENDLIST"].join("\n")}\n`;
}

/** A part of one frame has no duration by its timestamps, and players stumble over segments without any. */
const seconds = (ms: number) => (Math.max(ms, 1) / 1000).toFixed(3);
