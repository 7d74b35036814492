import { and, eq, isNull } from "drizzle-orm";
import { chat_channels } from "#tables/chat";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { accountOf } from "../core/operation.ts";
import { atLeast } from "../identity/roles.ts";
import { needChannelRow } from "./rows.ts";
import { destroyRoom } from "./tell-room.ts";
import { visitorOfActor } from "./visitor.ts";

/**
 * `DELETE /api/chat/channels/{id}`: with every message. Throws `forbidden` below admins, `not_found`, and
 * `invalid_request` for default channels and those of streams.
 */
export async function deleteChannel(ctx: Ctx, id: number): Promise<void> {
  const visitor = visitorOfActor(accountOf(ctx));
  if (!atLeast(visitor.role, "admin")) throw new ApiError("forbidden", "Only admins may delete channels");
  const { channel } = await needChannelRow(ctx, id, visitor);
  if (channel.is_default === 1) throw new ApiError("invalid_request", "A default channel cannot be deleted");
  if (channel.stream_id !== null) throw new ApiError("invalid_request", "The channel of a stream goes with the stream");
  const remove = ctx.db
    .delete(chat_channels)
    .where(and(eq(chat_channels.id, id), eq(chat_channels.is_default, 0), isNull(chat_channels.stream_id)))
    .returning({ id: chat_channels.id });
  const target = { type: "channel", id, name: channel.name };
  const removed = await commitIf(ctx, remove, [{ action: "channel_delete", target }]);
  if (removed.length === 0) throw new ApiError("not_found", "No such channel");
  await destroyRoom(ctx, id);
}
