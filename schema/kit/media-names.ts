/** Names under which a stream's playlists and media are served. */

/** The master playlist. */
export const MASTER = "index.m3u8";
/** The media playlist of the only rendition. */
export const MEDIA_PLAYLIST = "source.m3u8";

const MEDIA = /^([A-Za-z0-9_]{1,40})-(?:init\d{1,6}\.mp4|\d{1,15}\.m4s|\d{1,15}\.\d{1,6}\.m4s)$/;

export type MediaName =
  | { kind: "master" | "playlist" }
  /** An initialisation section, a segment or a part: never changes under its name. */
  | { kind: "media"; epoch: string };

/** Null for any other name. */
export function parseMediaName(name: string): MediaName | null {
  if (name === MASTER) return { kind: "master" };
  if (name === MEDIA_PLAYLIST) return { kind: "playlist" };
  const epoch = MEDIA.exec(name)?.[1];
  return epoch === undefined ? null : { kind: "media", epoch };
}
