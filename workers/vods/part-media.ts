import type { Visibility } from "#contract/vods";
import { parseRange } from "#kit/byte-range";
import { isKnown } from "../core/conditional.ts";
import { attachment } from "../core/content-disposition.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { objectStore, S3Error } from "../core/s3.ts";
import { downloadName } from "./download-name.ts";
import { cacheable, EXPOSED, REDIRECT_LIFETIME_S, redirect, type Wanted } from "./media-reply.ts";
import { partName } from "./part-name.ts";
import { piecewise } from "./piecewise.ts";
import type { PlayablePart } from "./playable-parts.ts";
import { PLAY_LIFETIME_S } from "./token.ts";
import type { Watchable } from "./watchable.ts";

/** Opened by itself it is a document whose only content is itself. */
const POLICY = "default-src 'none'; media-src 'self'; frame-ancestors 'none'";
const YEAR_S = 365 * 24 * 3600;
const SHARED_MAX_AGE_S = 600;

/**
 * `GET /api/vod/{public_id}/parts/{n}.mp4`: the bytes, or where the bucket has them for browsers. `name`: of the part
 * that is meant, whatever its number is by now. Throws `not_found`, `range_not_satisfiable`, `storage_unavailable`.
 */
export async function partMedia(
  ctx: Ctx,
  { row: { vod, parts }, download }: Watchable,
  { n, name }: { n: number; name: string | undefined },
  wanted: Wanted,
): Promise<Response> {
  const part = name === undefined ? parts[n - 1] : parts.find((each) => partName(each) === name);
  if (!part) throw new ApiError("not_found", "The recording has no such part");
  const filename = download ? downloadName(vod, parts, part) : undefined;
  const store = objectStore(ctx);
  if (ctx.settings.s3?.publicEndpoint && wanted.method !== "HEAD") {
    const options = { seconds: REDIRECT_LIFETIME_S, to: "public", ...(filename && { filename }) } as const;
    return redirect(await store.presignGet(part.object_key, options), !download);
  }

  const etag = `"${partName(part)}"`;
  const headers = new Headers({
    ...EXPOSED,
    "Accept-Ranges": "bytes",
    "Content-Security-Policy": POLICY,
    "Cache-Control": cacheable(vod.visibility, name === undefined ? "no-cache" : LASTING[vod.visibility]),
    ETag: etag,
  });
  if (isKnown(etag, wanted.ifNoneMatch)) return new Response(null, { status: 304, headers });
  headers.set("Content-Type", "video/mp4");
  if (filename) headers.set("Content-Disposition", attachment(filename));
  if (wanted.method === "HEAD") {
    headers.set("Content-Length", String(part.size));
    return new Response(null, { headers });
  }

  const isSame = wanted.ifRange === undefined || wanted.ifRange === etag;
  const range = isSame ? parseRange(wanted.range, part.size) : null;
  if (range === "unsatisfiable") {
    throw new ApiError("range_not_satisfiable", undefined, { headers: { "Content-Range": `bytes */${part.size}` } });
  }
  const { start, end } = range ?? { start: 0, end: part.size };
  headers.set("Content-Length", String(end - start));
  if (range) headers.set("Content-Range", `bytes ${start}-${end - 1}/${part.size}`);
  const status = range ? 206 : 200;
  const get = (from: number, until: number) =>
    bodyOf(store.get(part.object_key, `bytes=${from}-${until - 1}`, wanted.signal), part);
  const body = await piecewise(get, { start, end }, (promise) => ctx.waitUntil(promise));
  return new Response(body, { status, headers });
}

/**
 * The object of a part never changes: an address that names the part leads to the same bytes for ever. But what is
 * private stays in a browser no longer than the token that opened it, and what was public in a shared cache no longer
 * than until it asks whether it still is.
 */
const LASTING: Record<Visibility, string> = {
  public: `max-age=${YEAR_S}, s-maxage=${SHARED_MAX_AGE_S}, immutable`,
  unlisted: `max-age=${YEAR_S}, immutable`,
  private: `max-age=${PLAY_LIFETIME_S}, immutable`,
};

async function bodyOf(request: Promise<Response>, part: PlayablePart): Promise<ReadableStream> {
  let response: Response;
  try {
    response = await request;
  } catch (error) {
    if (error instanceof S3Error && error.status === 404) throw new ApiError("not_found", "Its media is gone");
    throw error;
  }
  if (response.status === 206 && response.body) return response.body;
  await response.body?.cancel();
  throw new ApiError("storage_unavailable", undefined, {
    cause: new Error(`S3 answered ${response.status} instead of 206 for ${part.object_key}`),
  });
}
