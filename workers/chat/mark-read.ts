import { sql } from "drizzle-orm";
import { roomOf, seqOf } from "#kit/message-id";
import { chat_channels, chat_reads } from "#tables/chat";
import type { Ctx } from "../core/context.ts";

/** Remembers how far somebody has read; never backwards. A channel that is gone is none of our business. */
export async function markRead(ctx: Ctx, userId: number, messageId: number): Promise<void> {
  await ctx.db.run(sql`
    INSERT INTO ${chat_reads} (user_id, channel_id, seq)
    SELECT ${userId}, ${chat_channels.id}, ${seqOf(messageId)} FROM ${chat_channels}
    WHERE ${chat_channels.id} = ${roomOf(messageId)}
    ON CONFLICT (user_id, channel_id) DO UPDATE SET seq = max(${chat_reads.seq}, excluded.seq)`);
}
