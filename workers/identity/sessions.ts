/** Sessions: issued by a login, looked up by the `jti` of a token, revoked at once. */
import { and, eq, isNull, ne, type SQL, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import type { Actor, Face } from "#contract/identity";
import { sessions, users } from "#tables/identity";
import { disconnectChat } from "../chat/disconnect.ts";
import type { Credential } from "../core/authenticate.ts";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { signToken, verifyToken } from "./session-tokens.ts";

type User = typeof users.$inferSelect;
type UserActor = Extract<Actor, { kind: "user" }>;
type Known = Omit<UserActor, "via"> & { expires_at: number; checked_at: number };

/**
 * Sessions this isolate looked up lately. A revocation counts here at once, elsewhere when the entry is too old; two
 * seconds of the promised ten are left for a replica that lags.
 */
const known = new Map<string, Known>();
const KNOWN_MAX = 2000;
const KNOWN_MS = 8_000;
/** `last_used_at` is written at most this often. */
const USED_EVERY_MS = 5 * 60_000;

export type NewSession = {
  face: Face;
  kind: "token" | "cookie";
  scopes: string[];
  name: string | null;
  ttl_ms: number;
};

/**
 * Signs in: the session, its audit row and its event in one commit. Throws `bad_credentials` when password or role are
 * not those of `user` any more: a change of them revokes all sessions, and none may slip in beside it.
 */
export async function openSession(
  ctx: Ctx,
  user: User,
  { face, kind, scopes, name, ttl_ms }: NewSession,
): Promise<{ token: string; id: string; expires_at: number }> {
  const id = crypto.randomUUID();
  const now = ctx.now();
  // A JWT knows whole seconds; the row must not outlive it.
  const expires_at = Math.floor((now + ttl_ms) / 1000) * 1000;
  const actor: UserActor = {
    kind: "user",
    id: user.id,
    username: user.username,
    role: user.role,
    scopes,
    session: id,
    via: kind,
  };
  const insert = ctx.db
    .insert(sessions)
    .select(
      sql`SELECT ${id}, ${users.id}, ${face}, ${kind}, ${JSON.stringify(scopes)}, ${name}, ${now}, ${expires_at}, NULL, NULL, ${ctx.ip}, ${ctx.userAgent}
          FROM ${users}
          WHERE ${users.id} = ${user.id} AND ${users.password_hash} = ${user.password_hash}
            AND ${users.role} = ${user.role} AND ${users.deleted_at} IS NULL`,
    )
    .returning({ id: sessions.id });
  const opened = await commitIf(
    { ...ctx, actor },
    insert,
    [{ action: "login", target: { type: "session", id, name }, details: { face, kind } }],
    [
      {
        id: `session:${id}:login`,
        event: { type: "user.login", user_id: user.id, username: user.username, ip: ctx.ip },
      },
    ],
  );
  if (opened.length === 0) throw new ApiError("bad_credentials");
  const token = await signToken(ctx.settings, {
    session: id,
    user_id: user.id,
    role: user.role,
    scopes,
    issued_at: now,
    expires_at,
  });
  return { token, id, expires_at };
}

/** The actor of a token, or null when it is not ours, expired, revoked, or its account is gone. */
export async function authenticateToken(
  ctx: Ctx,
  { value, via }: Extract<Credential, { form: "jwt" }>,
  face: Face,
): Promise<UserActor | null> {
  const now = ctx.now();
  const claims = await verifyToken(ctx.settings, value, face, now);
  if (!claims) return null;
  const cached = known.get(claims.jti);
  // A clock that was set back must not keep an entry for as long.
  const session = cached && Math.abs(now - cached.checked_at) < KNOWN_MS ? cached : await load(ctx, claims.jti, now);
  if (!session || session.id !== claims.sub || session.expires_at <= now) return null;
  const { id, username, role, scopes } = session;
  return { kind: "user", id, username, role, scopes, session: claims.jti, via };
}

async function load(ctx: Ctx, id: string, now: number): Promise<Known | null> {
  known.delete(id);
  // A near replica answers most; a session that is new may only be known to the primary.
  const row = (await find(ctx, id, "first-unconstrained")) ?? (await find(ctx, id, "first-primary"));
  if (!row || row.revoked_at !== null) return null;
  if (now - (row.last_used_at ?? 0) > USED_EVERY_MS) {
    ctx.waitUntil(ctx.db.update(sessions).set({ last_used_at: now }).where(eq(sessions.id, id)).run());
  }
  if (known.size >= KNOWN_MAX) known.clear();
  const { user_id, username, role, scopes, expires_at } = row;
  const session: Known = {
    kind: "user",
    id: user_id,
    username,
    role,
    scopes,
    session: id,
    expires_at,
    checked_at: now,
  };
  known.set(id, session);
  return session;
}

function find(ctx: Ctx, id: string, where: "first-unconstrained" | "first-primary") {
  // The session of D1 has all that a query needs; drizzle's type asks for the whole database.
  const db = drizzle(ctx.env.DB.withSession(where) as unknown as D1Database);
  return db
    .select({
      user_id: sessions.user_id,
      username: users.username,
      role: users.role,
      scopes: sessions.scopes,
      expires_at: sessions.expires_at,
      revoked_at: sessions.revoked_at,
      last_used_at: sessions.last_used_at,
    })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.user_id))
    .where(eq(sessions.id, id))
    .get();
}

/** Revokes the actor's own session and closes its sockets. Once revoked it stays so; a second call changes nothing. */
export async function closeSession(ctx: Ctx): Promise<void> {
  const { actor } = ctx;
  if (actor.kind !== "user") return;
  known.delete(actor.session);
  const guard = ctx.db
    .update(sessions)
    .set({ revoked_at: ctx.now() })
    .where(and(eq(sessions.id, actor.session), isNull(sessions.revoked_at)));
  await commitIf(ctx, guard, [{ action: "logout", target: { type: "session", id: actor.session, name: null } }]);
  ctx.waitUntil(disconnectChat(ctx, actor.id, { session: actor.session }));
}

/**
 * To follow, as the first dependant, a guard that changes what sessions rest on: all of the account's but `except` are
 * revoked if it won. After the commit: `forgetSessions`, and their sockets are to be closed.
 */
export const revocation = (ctx: Ctx, userId: number, except?: string) =>
  ctx.db
    .update(sessions)
    .set({ revoked_at: ctx.now() })
    .where(and(liveSessionsOf(userId), except === undefined ? undefined : ne(sessions.id, except), sql`changes() = 1`));

/** Not revoked. */
export const liveSessionsOf = (userId: number): SQL | undefined =>
  and(eq(sessions.user_id, userId), isNull(sessions.revoked_at));

/** Revoked sessions of the account, or the one, do not count in this isolate any more. */
export function forgetSessions(userId: number, id?: string): void {
  for (const [key, session] of known) {
    if (session.id === userId && (id === undefined || key === id)) known.delete(key);
  }
}
