import { and, eq, isNull } from "drizzle-orm";
import { invite_codes } from "#tables/identity";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { needInvite } from "./list-registrations.ts";
import { needRole } from "./roles.ts";

/** `DELETE /api/admin/invite-codes/{id}`. A second time changes nothing. Throws `forbidden`, `not_found`. */
export async function deactivateInvite(ctx: Ctx, id: number): Promise<void> {
  needRole(ctx, "admin");
  const { label, type } = await needInvite(ctx, id);
  const guard = ctx.db
    .update(invite_codes)
    .set({ deactivated_at: ctx.now() })
    .where(and(eq(invite_codes.id, id), isNull(invite_codes.deactivated_at)));
  const target = { type: "invite_code", id, name: label };
  await commitIf(ctx, guard, [{ action: "invite_code_deactivate", target, details: { type } }]);
}
