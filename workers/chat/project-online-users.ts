import { chat_online } from "#tables/chat";
import type { Ctx } from "../core/context.ts";

/**
 * A gateway whose row is older is gone with its sockets, and nobody was there to say so. It renews the row well before.
 */
export const ONLINE_ROW_LASTS_MS = 15 * 60_000;

/** How many users have a socket open at a gateway, for the public numbers. Only the gateway writes it. */
export async function projectOnlineUsers(ctx: Ctx, gateway: string, users: number): Promise<void> {
  const written_at = ctx.now();
  await ctx.db
    .insert(chat_online)
    .values({ gateway, users, written_at })
    .onConflictDoUpdate({ target: chat_online.gateway, set: { users, written_at } });
}
