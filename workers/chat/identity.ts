/** Who a socket belongs to, as its gateway is told. */
import { and, eq, isNull } from "drizzle-orm";
import type { ChatIdentity, Looks } from "#contract/chat-rpc";
import type { AccountActor } from "#contract/identity";
import type { Region } from "#contract/regions";
import { api_keys, sessions, users } from "#tables/identity";
import type { Ctx } from "../core/context.ts";

export const newGuest = (): Extract<ChatIdentity, { kind: "guest" }> => ({ kind: "guest", id: crypto.randomUUID() });

/** What stands for the session of sockets that were opened by an API key. */
export const keySession = (keyId: number): string => `key:${keyId}`;

/** In one query. Null when the session or key was revoked or the account removed since it was looked up. */
export async function chatIdentity(
  ctx: Ctx,
  account: AccountActor,
): Promise<{ identity: ChatIdentity; home_region: Region | null } | null> {
  const session = account.kind === "user" ? account.session : null;
  const key = account.kind === "api_key" ? account.key_id : null;
  const row = await ctx.db
    .select({
      user: users,
      session: { id: sessions.id, expires_at: sessions.expires_at },
      key: { id: api_keys.id, expires_at: api_keys.expires_at },
    })
    .from(users)
    .leftJoin(sessions, and(eq(sessions.id, session ?? ""), isNull(sessions.revoked_at)))
    .leftJoin(api_keys, and(eq(api_keys.id, key ?? 0), isNull(api_keys.revoked_at)))
    .where(and(eq(users.id, account.id), isNull(users.deleted_at)))
    .get();
  if (!row || (session !== null && !row.session) || (key !== null && !row.key)) return null;
  return {
    home_region: row.user.home_region,
    identity: {
      kind: "user",
      user_id: row.user.id,
      session: key === null ? session : keySession(key),
      expires_at: row.session?.expires_at ?? row.key?.expires_at ?? null,
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
