/** HLS through the edge: who may watch is decided at the master playlist; below it a path token is the credential. */
import { exports } from "cloudflare:workers";
import type { PlaybackRoute } from "#contract/live";
import { currentKey, EDGE } from "#kit/link-keys";
import { MASTER, MEDIA_PLAYLIST, parseMediaName } from "#kit/media-names";
import { mintPathToken, newViewerId, PATH_TOKEN_LIFETIME_S, verifyPathToken } from "#kit/path-token";
import { ViewerWindow } from "#kit/viewer-window";
import { liveStream } from "../../durable-objects/stubs.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { logFailure } from "../core/log.ts";
import { mediaRequest } from "./playback-cache.ts";
import { keysOf } from "./playback-keys.ts";
import { playbackRoute } from "./playback-route.ts";

const PLAYLIST_TYPE = "application/vnd.apple.mpegurl";
const PASSED_ON = ["content-type", "content-range", "accept-ranges", "etag", "last-modified"];
const OF_THE_ENCODING = ["content-encoding", "content-length"];

/** What of the viewer's request matters to the media. */
export type Wanted = { method: string; search: string; range: string | null; gzip: boolean };

/** The master playlist, its rendition behind a fresh path token. Throws `not_live` and the errors of `fetchMedia`. */
export async function masterPlaylist(ctx: Ctx, key: string, streamId: number, { gzip }: Wanted): Promise<Response> {
  const route = await playbackRoute(ctx, streamId);
  const { worker } = route;
  if (!worker) throw new ApiError("not_live");
  const now = ctx.now();
  const master = await fetchMedia(route, worker, streamId, MASTER, { method: "GET", search: "", range: null, gzip });
  const claims = {
    stream_id: streamId,
    generation: route.generation,
    viewer: newViewerId(),
    expires: Math.floor(now / 1000) + PATH_TOKEN_LIFETIME_S,
  };
  let prefix: string;
  if (ctx.settings.playback === "direct") {
    const { path } = await keysOf(ctx.settings, worker.id, now);
    prefix = `${worker.play_url}/live/t/${await mintPathToken(currentKey(path, now), claims)}/`;
  } else {
    const { path } = await keysOf(ctx.settings, EDGE, now);
    prefix = `${await mintPathToken(currentKey(path, now), claims, key)}/`;
  }
  const text = new TextDecoder().decode(await master.arrayBuffer()).replace(/^(?=[^#\s])/gm, prefix);
  const made = new Headers({ "content-type": PLAYLIST_TYPE, ...(gzip && { "content-encoding": "gzip" }) });
  return new Response(text, { headers: responseHeaders(made, "playlist", gzip) });
}

/** A playlist, segment, part or initialisation section. Throws `bad_key` when the token does not hold. */
export async function tokenedMedia(
  ctx: Ctx,
  key: string,
  token: string,
  name: string,
  wanted: Wanted,
): Promise<Response> {
  const media = parseMediaName(name);
  if (!media || media.kind === "master") throw new ApiError("not_found");
  const now = ctx.now();
  const { path } = await keysOf(ctx.settings, EDGE, now);
  const claims = await verifyPathToken(path, token, now, key);
  if (!claims) throw new ApiError("bad_key");
  const route = await playbackRoute(ctx, claims.stream_id);
  if (claims.generation !== route.generation) throw new ApiError("bad_key");
  if (!route.worker) throw new ApiError("not_live");
  if (media.kind === "playlist") countViewer(ctx, claims.stream_id, claims.viewer);
  const search = media.kind === "playlist" ? reloadQuery(wanted.search) : "";
  const response = await fetchMedia(route, route.worker, claims.stream_id, name, { ...wanted, search });
  const headers = responseHeaders(response.headers, media.kind, wanted.gzip);
  return new Response(response.body, { status: response.status, headers });
}

/** Throws `not_live`, `invalid_request`, `unavailable`, `upstream_timeout`, `upstream_failed`. */
async function fetchMedia(
  { state, epoch }: PlaybackRoute,
  worker: { id: string; play_url: string },
  stream_id: number,
  name: string,
  { method, search, range }: Wanted,
): Promise<Response> {
  const source = { stream_id, epoch: epoch ?? "none", worker };
  const response = await exports.MediaCache.fetch(mediaRequest(source, name, search, method, range));
  if (response.ok || response.status === 416) return response;
  await response.body?.cancel();
  switch (response.status) {
    case 404:
      // Whoever plays it already must not give up while the publisher reconnects to a media worker that restarted.
      if (name === MEDIA_PLAYLIST && (state === "live" || state === "grace")) throw comeAgain();
      throw new ApiError("not_live", name === MASTER ? undefined : "It is not in the stream's window any more");
    case 400:
      throw new ApiError("invalid_request", "_HLS_msn and _HLS_part must name what comes next");
    case 403: // a worker that has just started has no keys yet
    case 503:
      // The window of a stream that ended went with its worker.
      if (state === "offline" || state === "starting") throw new ApiError("not_live");
      throw comeAgain();
    case 504:
      throw new ApiError("upstream_timeout");
    default:
      throw new ApiError("upstream_failed");
  }
}

const comeAgain = () => new ApiError("unavailable", undefined, { headers: { "Retry-After": "1" } });

/** The directives of a playlist reload, spelt in one way: they are part of the cache's key. Throws `invalid_request`. */
function reloadQuery(search: string): string {
  const given = new URLSearchParams(search);
  const directives = ["_HLS_msn", "_HLS_part"].flatMap((name) => {
    const value = given.get(name);
    if (value === null) return [];
    if (!/^\d{1,15}$/.test(value)) throw new ApiError("invalid_request", `${name} must be a number`);
    return [`${name}=${Number(value)}`];
  });
  return directives.length > 0 ? `?${directives.join("&")}` : "";
}

/** Playlists are gzipped for whoever takes that, and never kept; media never changes under its name. */
function responseHeaders(from: Headers, kind: "playlist" | "media", gzip: boolean): Headers {
  const headers = new Headers({
    "access-control-expose-headers": "content-length, content-range",
    "cache-control": kind === "media" ? "public, max-age=31536000, immutable" : "no-cache",
  });
  if (kind === "playlist") headers.set("vary", "accept-encoding");
  // What arrived gzipped is unpacked for the others, and then has another length.
  const unpacked = from.has("content-encoding") && !gzip;
  for (const name of unpacked ? PASSED_ON : [...PASSED_ON, ...OF_THE_ENCODING]) {
    const value = from.get(name);
    if (value !== null) headers.set(name, value);
  }
  return headers;
}

/** Of this isolate. */
const audience = new ViewerWindow();
let reporter: string | undefined;

function countViewer(ctx: Ctx, streamId: number, viewer: string): void {
  const count = audience.see(streamId, viewer, ctx.now());
  if (count === null) return;
  reporter ??= `isolate:${crypto.randomUUID()}`;
  const report = liveStream(ctx.env, streamId).viewers(reporter, count);
  ctx.waitUntil(report.catch((error) => logFailure("viewer report failed", error, { stream_id: streamId })));
}
