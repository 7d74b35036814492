import { and, eq, isNull } from "drizzle-orm";
import { app_tokens } from "#tables/identity";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { forgetAppToken } from "./app-tokens.ts";
import { needTokenRights } from "./apps-roles.ts";

/**
 * `DELETE /api/v1/tokens/{id}`: it stays in the list, and opens nothing any more. A second time changes nothing. Throws
 * `invalid_request` when there is none, as documented, and `forbidden` for whoever is no owner.
 */
export async function revokeAppToken(ctx: Ctx, id: number): Promise<void> {
  needTokenRights(ctx);
  const token = await ctx.db.select({ name: app_tokens.name }).from(app_tokens).where(eq(app_tokens.id, id)).get();
  if (!token) throw new ApiError("invalid_request", "No such token");
  const revoke = ctx.db
    .update(app_tokens)
    .set({ revoked_at: ctx.now() })
    .where(and(eq(app_tokens.id, id), isNull(app_tokens.revoked_at)));
  await commitIf(ctx, revoke, [{ action: "app_token_revoke", target: { type: "app_token", id, name: token.name } }]);
  forgetAppToken(id);
}
