import { and } from "drizzle-orm";
import type { RoleReply, UserRole } from "#contract/identity";
import { users } from "#tables/identity";
import { disconnectChat } from "../chat/disconnect.ts";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { forgetApiKeys } from "./api-keys.ts";
import { forgetAppTokensOf } from "./app-tokens.ts";
import { aRole, mayManage, needRole } from "./roles.ts";
import { forgetSessions, holds, needHeld, revocation } from "./sessions.ts";
import { listedUser, lostTheRace, needUserRow, notTheLastSuperadmin, unchanged } from "./user-rows.ts";

/**
 * `PUT /api/users/{id}/role`: whoever gets another one is signed out everywhere. Throws `invalid_request` of oneself,
 * `forbidden` by the hierarchy, `not_found`, `conflict` when somebody was faster, `unauthenticated` when one has just
 * been signed out.
 */
export async function changeRole(ctx: Ctx, id: number, role: UserRole): Promise<RoleReply> {
  const actor = needRole(ctx, "moderator");
  if (id === actor.id) throw new ApiError("invalid_request", "You cannot change your own role");
  const user = await needUserRow(ctx, id);
  if (!mayManage(actor.role, user.role)) throw new ApiError("forbidden", `You may not manage ${aRole(user.role)}`);
  if (!mayManage(actor.role, role)) throw new ApiError("forbidden", `You may not make anybody ${aRole(role)}`);
  if (role === user.role) return { ...listedUser(user), message: `${user.username} is ${aRole(role)} already` };
  const change = ctx.db
    .update(users)
    .set({ role })
    .where(and(unchanged(user), notTheLastSuperadmin, holds(actor)))
    .returning({ id: users.id });
  const target = { type: "user", id, name: user.username };
  const details = { old_role: user.role, new_role: role };
  const changed = await commitIf(ctx, change, [{ action: "role_change", target, details }], [], [revocation(ctx, id)]);
  if (changed.length === 0) {
    await needHeld(ctx, actor);
    throw lostTheRace();
  }
  forgetSessions(id);
  forgetApiKeys(id);
  forgetAppTokensOf(id);
  ctx.waitUntil(disconnectChat(ctx, id, "all"));
  return { ...listedUser({ ...user, role }), message: `${user.username} is ${aRole(role)} now` };
}
