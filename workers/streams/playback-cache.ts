/**
 * The only entrypoint whose responses may be stored (Workers Caching). It sees requests without credentials, under the
 * key `/{stream}/{epoch}/{name}?query`; where to fetch from comes in headers, which are not part of the key.
 */
import { WorkerEntrypoint } from "cloudflare:workers";
import { currentKey } from "#kit/link-keys";
import { parseMediaName } from "#kit/media-names";
import { REQUEST_SIGNATURE_HEADER, signRequest } from "#kit/request-signature";
import { type Env, parseEnv } from "../core/env.ts";
import { keysOf } from "./playback-keys.ts";

/** Six times the longest target duration (6 s): after that nobody at the live edge asks again. */
const MEDIA_MAX_AGE_S = 36;
const PLAYLIST_MAX_AGE_S = 1;
/** A blocking reload waits for media that is still to come. */
const TIMEOUT_MS = 10_000;
const BLOCKING_TIMEOUT_MS = 20_000;

const WORKER_ID = "x-sluice-worker";
const PLAY_URL = "x-sluice-play-url";

export type MediaSource = {
  stream_id: number;
  /** Keeps the playlists of different broadcasts apart in the cache. */
  epoch: string;
  worker: { id: string; play_url: string };
};

/** `name` and `query` have been checked; `headers`: those of the viewer that may go on. */
export function mediaRequest(source: MediaSource, name: string, query: string, method: string, range: string | null) {
  const media = parseMediaName(name);
  const epoch = media?.kind === "media" ? media.epoch : source.epoch;
  const headers = new Headers({ [WORKER_ID]: source.worker.id, [PLAY_URL]: source.worker.play_url });
  if (range !== null) headers.set("range", range);
  return new Request(`https://media.internal/${source.stream_id}/${epoch}/${name}${query}`, { method, headers });
}

export class MediaCache extends WorkerEntrypoint<Env> {
  override async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const [, stream = "", , name = ""] = url.pathname.split("/");
    const media = parseMediaName(name);
    const workerId = request.headers.get(WORKER_ID);
    const playUrl = request.headers.get(PLAY_URL);
    if (!media || workerId === null || playUrl === null) return failure(404);

    const now = Date.now();
    const path = `/live/${stream}/${name}${url.search}`;
    const { request: keys } = await keysOf(parseEnv(this.env), workerId, now);
    const headers = new Headers({
      [REQUEST_SIGNATURE_HEADER]: await signRequest(currentKey(keys, now), request.method, path, now),
    });
    // Playlists come gzipped; media would gain nothing.
    headers.set("accept-encoding", media.kind === "media" ? "identity" : "gzip");
    const range = request.headers.get("range");
    if (range !== null) headers.set("range", range);

    const blocking = url.searchParams.has("_HLS_msn");
    const init = { method: request.method, headers };
    const timeout_ms = blocking ? BLOCKING_TIMEOUT_MS : TIMEOUT_MS;
    const answer = await fetchWithin(this.env.MEDIA ?? globalThis, `${playUrl}${path}`, init, timeout_ms);
    if (!(answer instanceof Response)) return failure(answer);
    const kept = new Headers(answer.headers);
    kept.set("cache-control", cacheControl(answer.status, media.kind === "media" || blocking));
    return new Response(answer.body, { status: answer.status, headers: kept });
  }
}

/**
 * The response, or the status that says why there is none. Only the headers must be there in time: a slow viewer may
 * take as long as it likes over the body.
 */
export async function fetchWithin(
  fetcher: Pick<Fetcher, "fetch">,
  url: string,
  init: { method: string; headers: Headers },
  timeout_ms: number,
): Promise<Response | 503 | 504> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), timeout_ms);
  try {
    return await fetcher.fetch(url, { ...init, signal: timeout.signal });
  } catch {
    // Logged where it becomes the viewer's error, once and with the request's id.
    return timeout.signal.aborted ? 504 : 503;
  } finally {
    clearTimeout(timer);
  }
}

const failure = (status: number) => new Response(null, { status, headers: { "cache-control": "no-store" } });

/** A blocking reply is the answer for exactly its (msn, part), so it stays right for as long as media does. */
function cacheControl(status: number, lasting: boolean): string {
  if (status !== 200 && status !== 206) return "no-store";
  return `public, max-age=${lasting ? MEDIA_MAX_AGE_S : PLAYLIST_MAX_AGE_S}`;
}
