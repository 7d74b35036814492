/** Who a socket belongs to, as its gateway is told. */
import { and, eq, isNull } from "drizzle-orm";
import type { ChatIdentity, Looks } from "#contract/chat-rpc";
import type { AccountActor } from "#contract/identity";
import type { Region } from "#contract/regions";
import { sessions, users } from "#tables/identity";
import type { Ctx } from "../core/context.ts";

export const newGuest = (): Extract<ChatIdentity, { kind: "guest" }> => ({ kind: "guest", id: crypto.randomUUID() });

/** In one query. Null when the session was revoked or the account removed since it was looked up. */
export async function chatIdentity(
  ctx: Ctx,
  account: AccountActor,
): Promise<{ identity: ChatIdentity; home_region: Region | null } | null> {
  const session = account.kind === "user" ? account.session : null;
  const row = await ctx.db
    .select({ user: users, expires_at: sessions.expires_at })
    .from(users)
    .leftJoin(sessions, and(eq(sessions.id, session ?? ""), isNull(sessions.revoked_at)))
    .where(eq(users.id, account.id))
    .get();
  if (!row || (session !== null && row.expires_at === null)) return null;
  return {
    home_region: row.user.home_region,
    identity: {
      kind: "user",
      user_id: row.user.id,
      session,
      expires_at: row.expires_at,
      scopes: account.scopes,
      stream_id: account.kind === "stream_key" ? account.stream_id : null,
      ...looksOf(row.user),
    },
  };
}

export function looksOf(user: typeof users.$inferSelect): Looks {
  const { id, username, nickname, role, avatar, status, status_message, chat_anonymous } = user;
  return {
    profile: { user_id: id, username, nickname, role, anonymous: chat_anonymous === 1, avatar },
    status,
    status_message,
  };
}
