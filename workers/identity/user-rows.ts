/** Accounts as admins find and change them. */
import { and, eq, isNull, type SQL, sql } from "drizzle-orm";
import { isAdminRole } from "#contract/identity";
import { users } from "#tables/identity";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";

export type UserRow = typeof users.$inferSelect;

/** The account, which nobody deleted. Throws `not_found`. */
export async function needUserRow(ctx: Ctx, id: number): Promise<UserRow> {
  const row = await ctx.db
    .select()
    .from(users)
    .where(and(eq(users.id, id), isNull(users.deleted_at)))
    .get();
  if (!row) throw new ApiError("not_found", "No such user");
  return row;
}

/** Condition of a change that the account as it was read decides: nobody was faster. */
export const unchanged = ({ id, role }: UserRow): SQL | undefined =>
  and(eq(users.id, id), eq(users.role, role), isNull(users.deleted_at));

/** Condition of what would leave nobody who may do everything: there is another superadmin. */
export const notTheLastSuperadmin: SQL = sql`(${users.role} <> 'superadmin' OR (
  SELECT count(*) FROM ${users} AS "others" WHERE "others"."role" = 'superadmin' AND "others"."deleted_at" IS NULL) > 1)`;

/** After a guard that lost: why. */
export const lostTheRace = () =>
  new ApiError("conflict", "The account was changed meanwhile, or it is the last superadmin's: look again");

export const listedUser = ({ id, username, role }: Pick<UserRow, "id" | "username" | "role">) => ({
  id,
  username,
  role,
  is_admin: isAdminRole(role),
});
