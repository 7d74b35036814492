import { and, eq } from "drizzle-orm";
import { hashKey, newKey } from "#kit/keys";
import { streams } from "#tables/streams";
import { liveStream } from "../../durable-objects/stubs.ts";
import { disconnectChat } from "../chat/disconnect.ts";
import { streamKeySession } from "../chat/identity.ts";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { seal } from "../core/seal.ts";
import { findStream, type StreamRef } from "./get.ts";
import { tellLiveStream } from "./live-orders.ts";
import { owns } from "./rows.ts";

/**
 * `POST /api/streams/{id}/regenerate-key`: the old key fails from now on, and whoever publishes with it is cut off.
 * Throws `forbidden` for somebody else's stream and for an unknown one alike, as documented; `conflict` when two
 * regenerate at once.
 */
export async function regenerateKey(ctx: Ctx, ref: StreamRef): Promise<{ stream_key: string }> {
  const row = await findStream(ctx, ref);
  if (!row || !owns(ctx.actor, row.stream)) throw new ApiError("forbidden", "Not your stream");
  const { stream } = row;
  const stream_key = newKey("live_");
  const replace = ctx.db
    .update(streams)
    .set({
      live_key_hash: await hashKey(stream_key),
      live_key_sealed: await seal(ctx.settings, "stream-key", stream_key),
      updated_at: ctx.now(),
    })
    .where(and(eq(streams.id, stream.id), eq(streams.live_key_hash, stream.live_key_hash)))
    .returning({ id: streams.id });
  const replaced = await commitIf(ctx, replace, [
    { action: "stream_key_regenerate", target: { type: "stream", id: stream.id, name: stream.title } },
  ]);
  if (replaced.length === 0) throw new ApiError("conflict", "The stream changed at the same time");
  await tellLiveStream(ctx, stream.id, "stop", () => liveStream(ctx.env, stream.id).stop("key_regenerated"));
  ctx.waitUntil(disconnectChat(ctx, stream.user_id, { session: streamKeySession(stream.live_key_hash) }));
  return { stream_key };
}
