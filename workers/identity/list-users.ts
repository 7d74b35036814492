import { and, asc, count, isNull, type SQL } from "drizzle-orm";
import type { UserList } from "#contract/identity";
import { users } from "#tables/identity";
import type { Ctx } from "../core/context.ts";
import { manageableRoles, needRole } from "./roles.ts";
import { isNamedLike } from "./search-users.ts";
import { listedUser } from "./user-rows.ts";

export type UserQuery = { q?: string | undefined; limit: number; offset: number };

/** `GET /api/users`: every account, oldest first, or those whose name has `q` in it. Throws `forbidden`. */
export async function listUsers(ctx: Ctx, { q, limit, offset }: UserQuery): Promise<UserList> {
  const actor = needRole(ctx, "moderator");
  const where: SQL | undefined = and(isNull(users.deleted_at), q ? isNamedLike(q) : undefined);
  const [rows, [counted]] = await ctx.db.batch([
    ctx.db
      .select({
        id: users.id,
        username: users.username,
        nickname: users.nickname,
        role: users.role,
        created_at: users.created_at,
      })
      .from(users)
      .where(where)
      .orderBy(asc(users.id))
      .limit(limit)
      .offset(offset),
    ctx.db.select({ total: count() }).from(users).where(where),
  ]);
  return {
    users: rows.map((row) => ({
      ...listedUser(row),
      nickname: row.nickname,
      created_at: new Date(row.created_at).toISOString(),
    })),
    total: counted?.total ?? 0,
    actor_role: actor.role,
    manageable_roles: manageableRoles(actor.role),
  };
}
