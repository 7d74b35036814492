/** Addresses of recordings and snippets that people take elsewhere. */
import type { Stream } from "#contract/streams";
import type { Vod } from "#contract/vods";

type Named = Pick<Vod, "public_id">;

export const vodPath = ({ public_id }: Named): string => `/vod/${public_id}`;

/** The library with the recordings of one stream. */
export const libraryPath = ({ id }: Pick<Stream, "id">): string => `/library?stream=${id}`;

export const vodEmbedSnippet = ({ public_id }: Named, origin: string): string =>
  `<iframe src="${origin}/embed/vod/${public_id}" width="640" height="360" style="border:0" ` +
  `allow="autoplay; fullscreen; picture-in-picture" allowfullscreen></iframe>`;
