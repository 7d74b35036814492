/** A key in a URL is the credential: who may watch by it, and what it tells. */
import { and, eq, isNull } from "drizzle-orm";
import type { Actor } from "#contract/identity";
import type { StreamInfo } from "#contract/streams";
import { hashKey, keyPrefix } from "#kit/keys";
import { users } from "#tables/identity";
import { streams } from "#tables/streams";
import { type Admission, EVERYBODY, toAll } from "../core/admits.ts";
import type { Credential } from "../core/authenticate.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { hlsUrl, isAdmin, owns, type StreamRow, selectStreams, shownStream } from "./rows.ts";

/**
 * The stream that a key opens for the actor. A `live_` key opens it for whoever holds it; a `pub_` key for anyone when
 * the stream is public, else for its owner and admins. Throws `bad_key` for everything else.
 */
export async function streamByKey(ctx: Ctx, key: string): Promise<StreamRow> {
  const prefix = keyPrefix(key);
  if (!prefix) throw new ApiError("bad_key");
  const where = prefix === "live_" ? eq(streams.live_key_hash, await hashKey(key)) : eq(streams.public_key, key);
  // What an account that is gone had on it goes a part at a time.
  const row = await selectStreams(ctx, and(where, isNull(users.deleted_at))).get();
  if (!row || (prefix === "pub_" && !mayWatch(ctx.actor, row.stream))) throw new ApiError("bad_key");
  return row;
}

const mayWatch = (actor: Actor, stream: StreamRow["stream"]) =>
  stream.is_public === 1 || owns(actor, stream) || isAdmin(actor);

/** The same as a table, for operations that take a `pub_` key. */
export const BY_PUBLIC_KEY: Admission = {
  kinds: { private: { ...toAll(403), owner: "ok", admin: "ok", unscoped_key: "ok" }, public: EVERYBODY },
};

/** `GET /api/stream/{key}/info`. */
export async function streamInfo(ctx: Ctx, key: string): Promise<StreamInfo> {
  const shown = shownStream(ctx, await streamByKey(ctx, key));
  const { public_key, title, name, is_live, is_public, viewer_count, owner_username, started_at, thumbnail_url } =
    shown;
  return {
    public_key,
    title,
    name,
    is_live,
    is_public,
    viewer_count,
    owner_username,
    started_at,
    thumbnail_url,
    chat_channel_id: shown.chat_channel_id,
    playback: { hls: hlsUrl(ctx, public_key), webrtc_whep: null },
  };
}

const KEY_SCOPES = ["stream", "stream:read", "stream:write"];

/** `Authorization: Stream-Key live_…` and `X-Stream-Key`: the stream's owner, for this stream. Null: nobody's. */
export async function authenticateStreamKey(
  ctx: Ctx,
  { value }: Extract<Credential, { form: "stream_key" }>,
): Promise<Actor | null> {
  if (keyPrefix(value) !== "live_") return null;
  const row = await ctx.db
    .select({ stream_id: streams.id, id: users.id, username: users.username, role: users.role })
    .from(streams)
    .innerJoin(users, and(eq(users.id, streams.user_id), isNull(users.deleted_at)))
    .where(eq(streams.live_key_hash, await hashKey(value)))
    .get();
  return row ? { kind: "stream_key", scopes: [...KEY_SCOPES], ...row } : null;
}
