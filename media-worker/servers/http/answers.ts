/**
 * What the play server answers, as data: which playlist or media, or what to wait for. Blocking reloads follow
 * RFC 8216bis section 6.2.5.2.
 */
import { type ByteRange, parseRange } from "#kit/byte-range";
import { MASTER, MEDIA_PLAYLIST } from "#kit/media-names";
import type { HlsOutput, PlaylistText } from "../../packager/hls-output.ts";
import type { FoundMedia } from "../../packager/segment-bytes.ts";
import { slice } from "./range.ts";

export type Reply = {
  status: number;
  headers: Record<string, string | number>;
  body: readonly Buffer[] | StoredBody;
};

/** Bytes that come from disk. `read` rejects when they cannot. */
export type StoredBody = { length: number; read(): Promise<Buffer> };

/** `answer` is asked after each change of the stream, at most for `ms`; then `late` is the reply. */
export type Waiting = { ms: number; answer(): Reply | null; late: Reply };

export type MediaRequest = { name: string; query: string; gzip: boolean; range: string | undefined };

/** A stream has its first whole segment soon after its first keyframe. */
const START_PATIENCE_MS = 5_000;
const WAIT_TARGETS = 3;
const NUMBER = /^\d{1,15}$/;

export const CORS = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "content-length, content-range",
};
const PLAYLIST = {
  ...CORS,
  "content-type": "application/vnd.apple.mpegurl",
  "cache-control": "no-cache",
  vary: "accept-encoding",
};
const GZIPPED = { ...PLAYLIST, "content-encoding": "gzip" };
const MEDIA = { ...CORS, "cache-control": "public, max-age=31536000, immutable", "accept-ranges": "bytes" };
const VIDEO = { ...MEDIA, "content-type": "video/mp4" };
const AUDIO = { ...MEDIA, "content-type": "audio/mp4" };

export const failure = (status: number, headers: Record<string, string> = {}): Reply => ({
  status,
  headers: { ...CORS, "cache-control": "no-store", ...headers },
  body: [],
});

export function answer(output: HlsOutput | null, request: MediaRequest): Reply | Waiting {
  if (!output) return failure(404);
  if (request.name === MASTER) return whenThere(output, () => output.multivariant, request);
  if (request.name === MEDIA_PLAYLIST) return mediaPlaylist(output, request);
  return media(output, request);
}

/** Before the first keyframe nothing is there; between it and the first part or segment it is worth waiting. */
function whenThere(output: HlsOutput, text: () => PlaylistText | null, request: MediaRequest): Reply | Waiting {
  const answer = () => {
    const now = text();
    return now && playlist(now, request);
  };
  return answer() ?? (output.starting ? { ms: START_PATIENCE_MS, answer, late: failure(404) } : failure(404));
}

function mediaPlaylist(output: HlsOutput, request: MediaRequest): Reply | Waiting {
  const directives = new URLSearchParams(request.query);
  const msn = directives.get("_HLS_msn");
  const part = directives.get("_HLS_part");
  if (msn === null && part !== null) return failure(400);
  // hls.js refuses a playlist that has parts and no whole segment.
  if (msn === null) return whenThere(output, () => (output.playable ? output.media : null), request);
  if (!NUMBER.test(msn) || (part !== null && !NUMBER.test(part))) return failure(400);
  const reach = () => output.reach(Number(msn), part === null ? undefined : Number(part));
  const now = reach();
  if (now === "there" || !output.media) return whenThere(output, () => output.media, request);
  if (now === "too_far") return failure(400);
  const ms = WAIT_TARGETS * output.target * 1000;
  const reply = () => (reach() === "ahead" ? null : playlist(output.media, request));
  return { ms, answer: reply, late: failure(503) };
}

function playlist(text: PlaylistText | null, { gzip }: MediaRequest): Reply {
  if (!text) return failure(404);
  return gzip
    ? { status: 200, headers: GZIPPED, body: [text.gzip] }
    : { status: 200, headers: PLAYLIST, body: [text.plain] };
}

function media(output: HlsOutput, request: MediaRequest): Reply | Waiting {
  const found = output.find(request.name);
  if (found.found === "nothing") return failure(404);
  if (found.found !== "pending") return bytes(found, request.range);
  const ms = WAIT_TARGETS * output.target * 1000;
  const reply = () => {
    const now = output.find(request.name);
    if (now.found === "pending") return null;
    return now.found === "nothing" ? failure(404) : bytes(now, request.range);
  };
  return { ms, answer: reply, late: failure(404) };
}

function bytes(media: FoundMedia, rangeHeader: string | undefined): Reply {
  const headers = media.audioOnly ? AUDIO : VIDEO;
  const length = media.found === "data" ? lengthOf(media.data) : media.length;
  const range = parseRange(rangeHeader, length);
  if (range === "unsatisfiable") return failure(416, { "content-range": `bytes */${length}` });
  const body = part(media, range ?? { start: 0, end: length });
  if (range === null) return { status: 200, headers, body };
  const contentRange = `bytes ${range.start}-${range.end - 1}/${length}`;
  return { status: 206, headers: { ...headers, "content-range": contentRange }, body };
}

function part(media: FoundMedia, { start, end }: ByteRange): Reply["body"] {
  if (media.found === "data") return slice(media.data, { start, end });
  const { stored, offset } = media;
  return { length: end - start, read: () => stored.read(offset + start, offset + end) };
}

export function lengthOf(buffers: readonly Buffer[]): number {
  let length = 0;
  for (const buffer of buffers) length += buffer.length;
  return length;
}
