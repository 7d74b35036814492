import { and, eq, gt, isNull, sql } from "drizzle-orm";
import type { RecorderToken } from "#contract/recorder-identity";
import { sessions, users } from "#tables/identity";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { RECORDER_TOKEN_MS } from "./recorder-log-in.ts";
import { signToken, verifyToken } from "./session-tokens.ts";
import { forgetSessions } from "./sessions.ts";

/** How long after its end a token may still be refreshed, and nothing else: an hour, the last moment of it included. */
const GRACE_MS = 3_600_000 + 1;

/**
 * `POST /api/auth/refresh`: the session of a token, of whatever face's login, lasts a day from now on, or longer if it
 * does already, and has another token. It stays the same session, so that it is listed and revoked as before, and whoever
 * missed the reply may ask again. Throws `unauthenticated` when there is no token, or it ended more than an hour ago, or
 * was revoked, or its account is gone.
 */
export async function refreshToken(ctx: Ctx, presented: string | undefined): Promise<RecorderToken> {
  const now = ctx.now();
  const claims = presented ? await verifyToken(ctx.settings, presented, "recorder", now, GRACE_MS) : null;
  if (!claims) throw new ApiError("unauthenticated");
  const found = await ctx.db
    .select({ username: users.username, role: users.role, scopes: sessions.scopes, name: sessions.name })
    .from(sessions)
    .innerJoin(users, and(eq(users.id, sessions.user_id), isNull(users.deleted_at)))
    .where(refreshable(claims.jti, claims.sub, now))
    .get();
  if (!found) throw new ApiError("unauthenticated");
  const { username, role, scopes, name } = found;
  // A JWT knows whole seconds; the row must not outlive it.
  const until = Math.floor((now + RECORDER_TOKEN_MS) / 1000) * 1000;
  const refresh = ctx.db
    .update(sessions)
    .set({ expires_at: sql`max(${sessions.expires_at}, ${until})` })
    .where(refreshable(claims.jti, claims.sub, now))
    .returning({ expires_at: sessions.expires_at });
  const actor = { kind: "user", id: claims.sub, username, role, scopes, session: claims.jti, via: "token" } as const;
  const [refreshed] = await commitIf({ ...ctx, actor }, refresh, [
    { action: "token_refresh", target: { type: "session", id: claims.jti, name } },
  ]);
  // It was revoked meanwhile.
  if (!refreshed) throw new ApiError("unauthenticated");
  forgetSessions(claims.sub, claims.jti);
  const { expires_at } = refreshed;
  const token = await signToken(ctx.settings, {
    session: claims.jti,
    user_id: claims.sub,
    role,
    scopes,
    // A JWT knows whole seconds; whoever asks at once gets another one, too.
    issued_at: Math.max(now, (claims.iat + 1) * 1000),
    expires_at,
  });
  return { token, expires_at: new Date(expires_at).toISOString() };
}

/** The cookie's session is a browser's, which signs in again. */
const refreshable = (id: string, userId: number, now: number) =>
  and(
    eq(sessions.id, id),
    eq(sessions.user_id, userId),
    eq(sessions.kind, "token"),
    isNull(sessions.revoked_at),
    gt(sessions.expires_at, now - GRACE_MS),
  );
