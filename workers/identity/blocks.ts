/** Whom somebody does not want to hear of. Nobody but they can see it. */
import { and, desc, eq, sql } from "drizzle-orm";
import type { BlockedUsers } from "#contract/identity";
import { user_blocks, users } from "#tables/identity";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { needUser } from "./roles.ts";
import { needUserRow } from "./user-rows.ts";

/** The list has no pages; what is beyond this many is not shown. */
const LIST_MAX = 500;

/** `GET /api/users/blocked`, newest first. */
export async function listBlocked(ctx: Ctx): Promise<BlockedUsers> {
  const { id } = needUser(ctx);
  const rows = await ctx.db
    .select({ id: users.id, username: users.username, blocked_at: user_blocks.created_at })
    .from(user_blocks)
    .innerJoin(users, eq(users.id, user_blocks.blocked_id))
    .where(eq(user_blocks.user_id, id))
    .orderBy(desc(user_blocks.created_at), desc(users.id))
    .limit(LIST_MAX);
  return {
    blocked_users: rows.map((row) => ({ ...row, blocked_at: new Date(row.blocked_at).toISOString() })),
    blocked: rows.map((row) => row.id),
  };
}

/** `POST /api/users/{id}/block`. A second time changes nothing. Throws `invalid_request` of oneself, `not_found`. */
export async function blockUser(ctx: Ctx, blocked_id: number): Promise<void> {
  const { user_id, username } = await parties(ctx, blocked_id);
  const insert = ctx.db
    .insert(user_blocks)
    .select(
      sql`SELECT ${user_id}, ${blocked_id}, ${ctx.now()}
          WHERE (SELECT count(*) FROM ${users} WHERE ${users.id} IN (${user_id}, ${blocked_id})) = 2`,
    )
    .onConflictDoNothing()
    .returning({ blocked_id: user_blocks.blocked_id });
  const target = { type: "user", id: blocked_id, name: username };
  const blocked = await commitIf(ctx, insert, [{ action: "user_block", target }]);
  // They were blocked before, or one of the two is gone meanwhile.
  if (blocked.length === 0) await Promise.all([user_id, blocked_id].map((id) => needUserRow(ctx, id)));
}

/** `DELETE /api/users/{id}/block`. Throws as `blockUser`. */
export async function unblockUser(ctx: Ctx, blocked_id: number): Promise<void> {
  const { user_id, username } = await parties(ctx, blocked_id);
  const remove = ctx.db
    .delete(user_blocks)
    .where(and(eq(user_blocks.user_id, user_id), eq(user_blocks.blocked_id, blocked_id)));
  await commitIf(ctx, remove, [{ action: "user_unblock", target: { type: "user", id: blocked_id, name: username } }]);
}

async function parties(ctx: Ctx, blockedId: number): Promise<{ user_id: number; username: string }> {
  const { id } = needUser(ctx);
  if (id === blockedId) throw new ApiError("invalid_request", "You cannot block yourself");
  const { username } = await needUserRow(ctx, blockedId);
  return { user_id: id, username };
}
