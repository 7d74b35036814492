import { toBase64url } from "#kit/base64url";
import { isKnown } from "../core/conditional.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { cacheable, EXPOSED, type Wanted } from "./media-reply.ts";
import { footageOf } from "./playable-parts.ts";
import { vodPlaylist } from "./playlist.ts";
import type { Watchable } from "./watchable.ts";

/** `GET /api/vod/{public_id}/index.m3u8`. Throws `not_found` while there is nothing to play. */
export async function playlistReply(ctx: Ctx, { row, query }: Watchable, wanted: Wanted): Promise<Response> {
  const parts = row.parts.length > 0 ? await footageOf(ctx, row.vod.id) : [];
  if (parts.length === 0) {
    const pending = row.vod.status === "recording" || row.vod.status === "processing";
    throw new ApiError("not_found", pending ? "There is nothing to play yet" : "There is nothing to play");
  }
  const text = vodPlaylist(parts, query);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  // Weak: gzipped it is the same playlist in other bytes.
  const etag = `W/"${toBase64url(new Uint8Array(digest)).slice(0, 22)}"`;
  const headers = new Headers({
    ...EXPOSED,
    // A part that comes in late, a change of who may watch: a player that begins must hear of it.
    "Cache-Control": cacheable(row.vod.visibility, "no-cache"),
    ETag: etag,
    Vary: "Accept-Encoding",
  });
  if (isKnown(etag, wanted.ifNoneMatch)) return new Response(null, { status: 304, headers });
  headers.set("Content-Type", "application/vnd.apple.mpegurl");
  if (wanted.gzip) headers.set("Content-Encoding", "gzip");
  return new Response(text, { headers });
}
