import { isKnown } from "../core/conditional.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { objectStore, S3Error } from "../core/s3.ts";
import { cacheable, EXPOSED, REDIRECT_LIFETIME_S, redirect, type Wanted } from "./media-reply.ts";
import { storyboardKey, thumbnailKey } from "./object-keys.ts";
import type { Watchable } from "./watchable.ts";

/** Made anew under the same address when a part comes in late. */
const MAX_AGE = "max-age=600";

const KEYS = { thumbnail: thumbnailKey, storyboard: storyboardKey };

/** `GET /api/vod/{public_id}/{thumbnail,storyboard}.jpg`. Throws `not_found`, `storage_unavailable`. */
export async function vodPicture(
  ctx: Ctx,
  { row: { vod } }: Watchable,
  kind: keyof typeof KEYS,
  wanted: Wanted,
): Promise<Response> {
  if (kind === "thumbnail" ? vod.has_thumbnail !== 1 : vod.storyboard === null) throw new ApiError("not_found");
  const key = KEYS[kind](vod.public_id);
  const store = objectStore(ctx);
  if (ctx.settings.s3?.publicEndpoint && wanted.method !== "HEAD") {
    return redirect(await store.presignGet(key, { seconds: REDIRECT_LIFETIME_S, to: "public" }), true);
  }
  const headers = new Headers({
    ...EXPOSED,
    "Content-Type": "image/jpeg",
    "Cache-Control": cacheable(vod.visibility, MAX_AGE),
  });
  try {
    if (wanted.method === "HEAD") {
      const object = await store.head(key);
      if (!object) throw new ApiError("not_found");
      headers.set("Content-Length", String(object.size));
      return new Response(null, { headers });
    }
    const { headers: stored, body } = await store.get(key, null, wanted.signal);
    const etag = stored.get("etag");
    if (etag) headers.set("ETag", etag);
    if (!etag || !isKnown(etag, wanted.ifNoneMatch)) return new Response(body, { headers });
    await body?.cancel();
    return new Response(null, { status: 304, headers });
  } catch (error) {
    if (error instanceof S3Error && error.status === 404) throw new ApiError("not_found");
    throw error;
  }
}
