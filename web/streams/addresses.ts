/** Addresses and snippets that people take elsewhere. */
import type { Stream } from "#contract/streams";

type Named = Pick<Stream, "public_key">;

export const watchPath = ({ public_key }: Named): string => `/watch/${public_key}`;

export const embedSnippet = ({ public_key }: Named, origin: string): string =>
  `<iframe src="${origin}/embed/stream/${public_key}" width="640" height="360" style="border:0" ` +
  `allow="autoplay; fullscreen; picture-in-picture" allowfullscreen></iframe>`;

/** Ready to paste: a file in, this stream out, encoded the way that plays everywhere. */
export const ffmpegCommand = (ingestUrl: string, key: string): string =>
  [
    "ffmpeg -re -i input.mp4",
    "-c:v libx264 -preset veryfast -b:v 3M -maxrate 3M -bufsize 6M",
    "-pix_fmt yuv420p -force_key_frames 'expr:gte(t,n_forced*2)'",
    "-c:a aac -b:a 160k -ar 48000",
    `-f flv "${ingestUrl}/${key}"`,
  ].join(" \\\n  ");
