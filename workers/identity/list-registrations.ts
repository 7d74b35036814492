import { desc, eq } from "drizzle-orm";
import type { RegistrationList } from "#contract/identity";
import { invite_codes, invite_uses, users } from "#tables/identity";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { needRole } from "./roles.ts";

/** The list has no pages; what is beyond this many is not shown. */
const LIST_MAX = 500;

/** `GET /api/admin/invite-codes/{id}/registrations`, newest first. Throws `forbidden`, `not_found`. */
export async function listRegistrations(ctx: Ctx, id: number): Promise<RegistrationList> {
  needRole(ctx, "admin");
  await needInvite(ctx, id);
  const rows = await ctx.db
    .select({ id: users.id, username: users.username, role: users.role, created_at: users.created_at })
    .from(invite_uses)
    .innerJoin(users, eq(users.id, invite_uses.user_id))
    .where(eq(invite_uses.invite_code_id, id))
    .orderBy(desc(users.id))
    .limit(LIST_MAX);
  return {
    registrations: rows.map((row) => ({ ...row, created_at: new Date(row.created_at).toISOString() })),
  };
}

/** Throws `not_found`. */
export async function needInvite(ctx: Ctx, id: number): Promise<typeof invite_codes.$inferSelect> {
  const row = await ctx.db.select().from(invite_codes).where(eq(invite_codes.id, id)).get();
  if (!row) throw new ApiError("not_found", "No such invite code");
  return row;
}
