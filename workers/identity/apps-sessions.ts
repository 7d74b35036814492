/** One's own sessions, of whatever face they are. */
import { and, desc, eq, gt, ne } from "drizzle-orm";
import type { AppsSession } from "#contract/apps-identity";
import { sessions } from "#tables/identity";
import { commit } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { disconnectOthers } from "./change-password.ts";
import { endSession } from "./revoke-session.ts";
import { needSession } from "./roles.ts";
import { forgetSessions, liveSessionsOf } from "./sessions.ts";

/** The list has no pages; what is beyond this many is not shown. */
const LIST_MAX = 500;

const iso = (time: number) => new Date(time).toISOString();

/** `GET /api/v1/auth/sessions`: those that count, newest first. */
export async function listAppsSessions(ctx: Ctx): Promise<AppsSession[]> {
  const { id, session } = needSession(ctx);
  const rows = await ctx.db
    .select()
    .from(sessions)
    .where(and(liveSessionsOf(id), gt(sessions.expires_at, ctx.now())))
    .orderBy(desc(sessions.created_at), desc(sessions.id))
    .limit(LIST_MAX);
  return rows.map((row) => ({
    id: row.id,
    ip: row.ip,
    userAgent: row.user_agent,
    createdAt: iso(row.created_at),
    lastSeen: iso(row.last_used_at ?? row.created_at),
    current: row.id === session,
  }));
}

/** `DELETE /api/v1/auth/sessions/{id}`: its sockets are closed, too. A second time changes nothing. Throws `not_found`. */
export async function revokeAppsSession(ctx: Ctx, id: string): Promise<{ revoked: number }> {
  const { id: userId } = needSession(ctx);
  const session = await ctx.db
    .select({ id: sessions.id, name: sessions.name })
    .from(sessions)
    .where(and(eq(sessions.user_id, userId), eq(sessions.id, id)))
    .get();
  if (!session) throw new ApiError("not_found", "No such session");
  return { revoked: (await endSession(ctx, userId, session)) ? 1 : 0 };
}

/** `DELETE /api/v1/auth/sessions`: all but the one that asks. */
export async function revokeOtherSessions(ctx: Ctx): Promise<{ revoked: number }> {
  const { id, username, session } = needSession(ctx);
  const now = ctx.now();
  const others = and(liveSessionsOf(id), gt(sessions.expires_at, now), ne(sessions.id, session));
  const found = await ctx.db.select({ id: sessions.id }).from(sessions).where(others);
  if (found.length === 0) return { revoked: 0 };
  const revoke = ctx.db.update(sessions).set({ revoked_at: now }).where(others).returning({ id: sessions.id });
  const target = { type: "user", id, name: username };
  const [revoked] = await commit(ctx, [revoke], [{ action: "token_revoke", target, details: { all_but: session } }]);
  forgetSessions(id);
  ctx.waitUntil(disconnectOthers(ctx, id, revoked));
  return { revoked: revoked.length };
}
