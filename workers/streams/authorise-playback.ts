import { eq } from "drizzle-orm";
import type { Actor } from "#contract/identity";
import { hashKey, keyPrefix } from "#kit/keys";
import { streams } from "#tables/streams";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";

/**
 * The stream that a key lets its holder watch: a `live_` key always, a `pub_` key when the stream is public or the
 * caller is its owner or an admin. `whoAsks` is called only when that matters. Throws `bad_key`.
 */
export async function authorisePlayback(ctx: Ctx, key: string, whoAsks: () => Promise<Actor>): Promise<number> {
  const prefix = keyPrefix(key);
  if (prefix === null) throw new ApiError("bad_key");
  const stream = await ctx.db
    .select({ id: streams.id, user_id: streams.user_id, is_public: streams.is_public })
    .from(streams)
    .where(prefix === "live_" ? eq(streams.live_key_hash, await hashKey(key)) : eq(streams.public_key, key))
    .get();
  if (!stream) throw new ApiError("bad_key");
  if (prefix === "pub_" && stream.is_public !== 1 && !mayWatchPrivate(await whoAsks(), stream)) {
    throw new ApiError("bad_key");
  }
  return stream.id;
}

function mayWatchPrivate(actor: Actor, stream: { id: number; user_id: number }): boolean {
  switch (actor.kind) {
    case "user":
      return actor.id === stream.user_id || actor.role === "admin" || actor.role === "superadmin";
    case "stream_key":
      return actor.stream_id === stream.id;
    case "media_worker":
    case "system":
    case "anonymous":
      return false;
  }
}
