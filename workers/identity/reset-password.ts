import { and } from "drizzle-orm";
import { users } from "#tables/identity";
import { disconnectChat } from "../chat/disconnect.ts";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { hashPassword } from "./password.ts";
import { aRole, mayManage, needRole } from "./roles.ts";
import { forgetSessions, holds, needHeld, revocation } from "./sessions.ts";
import { lostTheRace, needUserRow, unchanged } from "./user-rows.ts";

/**
 * `POST /api/users/{id}/reset-password`: whoever gets another password is signed out everywhere. Throws
 * `invalid_request` of oneself, `forbidden` by the hierarchy, `not_found`, `conflict` when somebody was faster,
 * `unauthenticated` when one has just been signed out.
 */
export async function resetPassword(ctx: Ctx, id: number, password: string): Promise<{ username: string }> {
  const actor = needRole(ctx, "admin");
  if (id === actor.id) throw new ApiError("invalid_request", "Change your own password with the old one");
  const user = await needUserRow(ctx, id);
  if (!mayManage(actor.role, user.role)) throw new ApiError("forbidden", `You may not manage ${aRole(user.role)}`);
  const password_hash = await hashPassword(password);
  const change = ctx.db
    .update(users)
    .set({ password_hash })
    .where(and(unchanged(user), holds(actor)))
    .returning({ id: users.id });
  const target = { type: "user", id, name: user.username };
  const changed = await commitIf(ctx, change, [{ action: "password_reset", target }], [], [revocation(ctx, id)]);
  if (changed.length === 0) {
    await needHeld(ctx, actor);
    throw lostTheRace();
  }
  forgetSessions(id);
  ctx.waitUntil(disconnectChat(ctx, id, "all"));
  return { username: user.username };
}
