/** Who a socket belongs to, as its gateway is told. */
import { and, eq, exists, isNull, sql } from "drizzle-orm";
import type { ChatIdentity, Looks } from "#contract/chat-rpc";
import type { AccountActor } from "#contract/identity";
import type { Region } from "#contract/regions";
import { api_keys, sessions, users } from "#tables/identity";
import { streams } from "#tables/streams";
import type { Ctx } from "../core/context.ts";

export const newGuest = (): Extract<ChatIdentity, { kind: "guest" }> => ({ kind: "guest", id: crypto.randomUUID() });

const KEY = "key:";
const STREAM_KEY = "stream-key:";

/** What stands for the session of sockets that were opened by an API key. */
export const keySession = (keyId: number): string => `${KEY}${keyId}`;

/** The same of a stream key. */
export const streamKeySession = (hash: string): string => `${STREAM_KEY}${hash}`;

/** In one query. Null when the credential was revoked or the account removed since it was looked up. */
export async function chatIdentity(
  ctx: Ctx,
  account: AccountActor,
): Promise<{ identity: ChatIdentity; home_region: Region | null } | null> {
  const ids = {
    session: account.kind === "user" ? account.session : "",
    key: account.kind === "api_key" ? account.key_id : 0,
    stream: account.kind === "stream_key" ? account.stream_id : 0,
  };
  const row = await ctx.db
    .select({
      user: users,
      session: { id: sessions.id, expires_at: sessions.expires_at },
      key: { id: api_keys.id, expires_at: api_keys.expires_at },
      stream: { id: streams.id, key_hash: streams.live_key_hash },
    })
    .from(users)
    .leftJoin(sessions, and(eq(sessions.id, ids.session), isNull(sessions.revoked_at)))
    .leftJoin(api_keys, and(eq(api_keys.id, ids.key), isNull(api_keys.revoked_at)))
    .leftJoin(streams, eq(streams.id, ids.stream))
    .where(and(eq(users.id, account.id), isNull(users.deleted_at)))
    .get();
  if (!row) return null;
  const { user, session, key, stream } = row;
  const held = session?.id ?? (key && keySession(key.id)) ?? (stream && streamKeySession(stream.key_hash));
  if (!held) return null;
  return {
    home_region: user.home_region,
    identity: {
      kind: "user",
      user_id: user.id,
      session: held,
      expires_at: session?.expires_at ?? key?.expires_at ?? null,
      scopes: account.scopes,
      stream_id: stream?.id ?? null,
      ...looksOf(user),
    },
  };
}

/** Whether an identity may go on acting: its account is there, and what it came with was not revoked. One query. */
export async function stillHolds(
  ctx: Ctx,
  { user_id, session }: Extract<ChatIdentity, { kind: "user" }>,
): Promise<boolean> {
  const row = await ctx.db
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.id, user_id), isNull(users.deleted_at), exists(credential(ctx, session))))
    .get();
  return row !== undefined;
}

function credential(ctx: Ctx, session: string) {
  const one = ctx.db.select({ one: sql`1` });
  if (session.startsWith(KEY)) {
    const id = Number(session.slice(KEY.length));
    return one.from(api_keys).where(and(eq(api_keys.id, id), isNull(api_keys.revoked_at)));
  }
  if (session.startsWith(STREAM_KEY)) {
    return one.from(streams).where(eq(streams.live_key_hash, session.slice(STREAM_KEY.length)));
  }
  return one.from(sessions).where(and(eq(sessions.id, session), isNull(sessions.revoked_at)));
}

export function looksOf(user: typeof users.$inferSelect): Looks {
  const { id, username, nickname, role, avatar, status, status_message, chat_anonymous } = user;
  return {
    profile: { user_id: id, username, nickname, role, anonymous: chat_anonymous === 1, avatar },
    status,
    status_message,
  };
}
