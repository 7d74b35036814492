import { and, eq, notExists } from "drizzle-orm";
import { streams } from "#tables/streams";
import { vods } from "#tables/vods";
import { liveStream } from "../../durable-objects/stubs.ts";
import { destroyRoom } from "../chat/tell-room.ts";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { findOwnStream, type StreamRef } from "./get.ts";
import { tellLiveStream } from "./live-orders.ts";

type Doomed = Pick<typeof streams.$inferSelect, "id" | "user_id" | "title" | "chat_channel_id">;

/** `DELETE /api/streams/{id}`. Throws `not_found`. */
export async function deleteStream(ctx: Ctx, ref: StreamRef): Promise<void> {
  const { stream } = await findOwnStream(ctx, ref);
  if (!(await removeStream(ctx, stream))) throw new ApiError("not_found", "No such stream");
}

/** With its channel, and whoever publishes is cut off. False: somebody else was first. */
export async function removeStream(ctx: Ctx, stream: Doomed): Promise<boolean> {
  // The channel goes by its foreign key.
  const remove = ctx.db
    .delete(streams)
    .where(and(eq(streams.id, stream.id), eq(streams.user_id, stream.user_id)))
    .returning({ id: streams.id });
  // Recordings are their owner's; one that is being made is finished of what there is.
  const keepRecordings = ctx.db
    .update(vods)
    .set({ stream_id: null })
    .where(
      and(
        eq(vods.stream_id, stream.id),
        notExists(ctx.db.select({ id: streams.id }).from(streams).where(eq(streams.id, stream.id))),
      ),
    );
  const audit = { action: "stream_delete", target: { type: "stream", id: stream.id, name: stream.title } } as const;
  const removed = await commitIf(ctx, remove, [audit], [], [keepRecordings]);
  if (removed.length === 0) return false;
  await tellLiveStream(ctx, stream.id, "stop", () => liveStream(ctx.env, stream.id).stop("deleted"));
  if (stream.chat_channel_id !== null) await destroyRoom(ctx, stream.chat_channel_id);
  return true;
}
