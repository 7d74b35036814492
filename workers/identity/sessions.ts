/** Sessions: issued by a login, looked up by the `jti` of a token, revoked at once. */
import { and, eq, isNull, ne, type SQL, sql } from "drizzle-orm";
import type { Actor, Face } from "#contract/identity";
import { api_keys, sessions, two_factor, users } from "#tables/identity";
import { disconnectChat } from "../chat/disconnect.ts";
import type { Credential } from "../core/authenticate.ts";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { forgetApiKeys } from "./api-keys.ts";
import { Known } from "./known.ts";
import { signToken, verifyToken } from "./session-tokens.ts";

type User = typeof users.$inferSelect & {
  /** Since when the second factor is on that was passed, as `passSecondFactor` says; null or not named: none was. */
  second_factor?: number | null;
};
type UserActor = Extract<Actor, { kind: "user" }>;
type KeyActor = Extract<Actor, { kind: "api_key" }>;

const known = new Known({
  find: (db, id) =>
    db
      .select({
        id: users.id,
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
      .get(),
  used: (db, id, last_used_at) => db.update(sessions).set({ last_used_at }).where(eq(sessions.id, id)).run(),
});

export type NewSession = {
  face: Face;
  kind: "token" | "cookie";
  scopes: string[];
  name: string | null;
  ttl_ms: number;
};

/**
 * Signs in: the session, its audit row and its event in one commit. Throws `bad_credentials` when password or role are
 * not those of `user` any more: a change of them revokes all sessions, and none may slip in beside it. The same when a
 * second factor is on other than the one that was passed.
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
      sql`SELECT ${id}, ${users.id}, ${face}, ${kind}, ${JSON.stringify(scopes)}, ${name}, ${now}, ${expires_at}, NULL, NULL, ${ctx.ip}, ${ctx.userAgent()}
          FROM ${users}
          WHERE ${users.id} = ${user.id} AND ${users.password_hash} = ${user.password_hash}
            AND ${users.role} = ${user.role} AND ${users.deleted_at} IS NULL
            AND NOT EXISTS (SELECT 1 FROM ${two_factor} WHERE ${two_factor.user_id} = ${users.id}
              AND ${two_factor.enabled_at} IS NOT NULL AND ${two_factor.enabled_at} IS NOT ${user.second_factor ?? null})`,
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
  let session = await known.get(ctx, claims.jti);
  // The token is good for longer than the session was known to last: it was refreshed.
  if (session && session.expires_at <= now) session = await known.getAnew(ctx, claims.jti);
  if (!session || session.id !== claims.sub || session.expires_at <= now) return null;
  const { id, username, role, scopes } = session;
  return { kind: "user", id, username, role, scopes, session: claims.jti, via };
}

/** Revokes the actor's own session and closes its sockets. Once revoked it stays so; a second call changes nothing. */
export async function closeSession(ctx: Ctx): Promise<void> {
  const { actor } = ctx;
  if (actor.kind !== "user") return;
  const guard = ctx.db
    .update(sessions)
    .set({ revoked_at: ctx.now() })
    .where(and(eq(sessions.id, actor.session), isNull(sessions.revoked_at)));
  await commitIf(ctx, guard, [{ action: "logout", target: { type: "session", id: actor.session, name: null } }]);
  forgetSessions(actor.id, actor.session);
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

/**
 * Condition of what outlasts the session or the API key by which it is done, such as another key, an account or
 * somebody's role: that is not revoked, and its account is as it was, whatever this isolate still believes.
 */
export const holds = (actor: UserActor | KeyActor): SQL => sql`EXISTS (${credentialOf(actor)}) AND EXISTS (
  SELECT 1 FROM ${users}
  WHERE ${users.id} = ${actor.id} AND ${users.role} = ${actor.role} AND ${users.deleted_at} IS NULL)`;

const credentialOf = (actor: UserActor | KeyActor): SQL =>
  actor.kind === "user"
    ? sql`SELECT 1 FROM ${sessions}
        WHERE ${sessions.id} = ${actor.session} AND ${sessions.user_id} = ${actor.id} AND ${sessions.revoked_at} IS NULL`
    : sql`SELECT 1 FROM ${api_keys}
        WHERE ${api_keys.id} = ${actor.key_id} AND ${api_keys.user_id} = ${actor.id} AND ${api_keys.revoked_at} IS NULL`;

/** After a change under `holds` that did not happen. Throws `unauthenticated` if that is why. */
export async function needHeld(ctx: Ctx, actor: UserActor | KeyActor): Promise<void> {
  const held = await ctx.db
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.id, actor.id), holds(actor)))
    .get();
  if (held) return;
  if (actor.kind === "user") forgetSessions(actor.id, actor.session);
  else forgetApiKeys(actor.id, actor.key_id);
  throw new ApiError("unauthenticated");
}

/** Revoked sessions of the account, or the one, do not count in this isolate any more. */
export function forgetSessions(userId: number, id?: string): void {
  known.forget((session, key) => session.id === userId && (id === undefined || key === id));
}
