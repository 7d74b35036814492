import { and, eq, lt } from "drizzle-orm";
import { chat_channels } from "#tables/chat";
import type { Ctx } from "../core/context.ts";

/** The newest message of a channel, for unread counts. Only the channel's `ChatRoom` writes it; never downwards. */
export async function projectLastSeq(ctx: Ctx, channelId: number, seq: number): Promise<void> {
  await ctx.db
    .update(chat_channels)
    .set({ last_seq: seq })
    .where(and(eq(chat_channels.id, channelId), lt(chat_channels.last_seq, seq)));
}
