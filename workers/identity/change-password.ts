import { and, eq, gt, ne } from "drizzle-orm";
import type { PasswordChange } from "#contract/identity";
import { sessions, users } from "#tables/identity";
import { disconnectChat } from "../chat/disconnect.ts";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { countAttempt } from "./login-failures.ts";
import { hashPassword, verifyPassword } from "./password.ts";
import { needSession } from "./roles.ts";
import { forgetSessions, holds, needHeld, revocation } from "./sessions.ts";
import { lostTheRace, needUserRow } from "./user-rows.ts";

/**
 * `POST /api/me/password`: all other sessions end. Throws `bad_credentials` when the current one is wrong,
 * `rate_limited` after too many failures, `conflict` when it was changed meanwhile, `unauthenticated` when the session
 * has just ended.
 */
export async function changePassword(ctx: Ctx, { current_password, new_password }: PasswordChange): Promise<void> {
  const actor = needSession(ctx);
  const { id, session } = actor;
  const user = await needUserRow(ctx, id);
  // Whoever found an open browser may not guess either.
  const forgive = await countAttempt(ctx, user.username);
  if (!(await verifyPassword(user.password_hash, current_password))) {
    throw new ApiError("bad_credentials", "The current password is wrong");
  }
  await forgive();
  const change = ctx.db
    .update(users)
    .set({ password_hash: await hashPassword(new_password) })
    .where(and(eq(users.id, id), eq(users.password_hash, user.password_hash), holds(actor)))
    .returning({ id: users.id });
  const others = await ctx.db
    .select({ id: sessions.id })
    .from(sessions)
    .where(and(eq(sessions.user_id, id), ne(sessions.id, session), gt(sessions.expires_at, ctx.now())));
  const target = { type: "user", id, name: user.username };
  const revoked = revocation(ctx, id, session);
  const changed = await commitIf(ctx, change, [{ action: "password_change", target }], [], [revoked]);
  if (changed.length === 0) {
    await needHeld(ctx, actor);
    throw lostTheRace();
  }
  forgetSessions(id);
  ctx.waitUntil(disconnectOthers(ctx, id, others));
}

/** More than so many calls of one object are not worth it: then one closes all, and whoever is still signed in comes back. */
const CALLS_MAX = 20;

/** Closes the sockets of sessions that were revoked. */
export async function disconnectOthers(ctx: Ctx, id: number, others: { id: string }[]): Promise<void> {
  if (others.length > CALLS_MAX) return disconnectChat(ctx, id, "all");
  for (const { id: session } of others) await disconnectChat(ctx, id, { session });
}
