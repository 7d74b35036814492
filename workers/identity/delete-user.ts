import { and, eq } from "drizzle-orm";
import { users } from "#tables/identity";
import { disconnectChat } from "../chat/disconnect.ts";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { forgetApiKeys } from "./api-keys.ts";
import { forgetAppTokensOf } from "./app-tokens.ts";
import { removeAccount } from "./remove-account.ts";
import { needRole } from "./roles.ts";
import { forgetSessions, holds, needHeld, revocation } from "./sessions.ts";
import { lostTheRace, notTheLastSuperadmin, unchanged } from "./user-rows.ts";

/**
 * `DELETE /api/users/{id}`: from the first commit on nobody signs in to it; then all that hangs on it goes. `gone`: all
 * of it went; the sweep goes on with what did not. Throws `invalid_request` of oneself, `forbidden` below superadmins,
 * `not_found`, `conflict` when somebody was faster, `unauthenticated` when one has just been signed out.
 */
export async function deleteUser(ctx: Ctx, id: number): Promise<{ username: string; gone: boolean }> {
  const actor = needRole(ctx, "superadmin");
  if (id === actor.id) throw new ApiError("invalid_request", "You cannot delete your own account");
  const user = await ctx.db.select().from(users).where(eq(users.id, id)).get();
  if (!user) throw new ApiError("not_found", "No such user");
  if (user.deleted_at === null) {
    const mark = ctx.db
      .update(users)
      .set({ deleted_at: ctx.now() })
      .where(and(unchanged(user), notTheLastSuperadmin, holds(actor)))
      .returning({ id: users.id });
    const target = { type: "user", id, name: user.username };
    const audit = { action: "user_delete", target, details: { role: user.role } } as const;
    const marked = await commitIf(ctx, mark, [audit], [], [revocation(ctx, id)]);
    if (marked.length === 0) {
      await needHeld(ctx, actor);
      throw lostTheRace();
    }
    forgetSessions(id);
    forgetApiKeys(id);
    forgetAppTokensOf(id);
    await disconnectChat(ctx, id, "all");
  }
  return { username: user.username, gone: await removeAccount(ctx, user) };
}
