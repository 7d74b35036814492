import { eq } from "drizzle-orm";
import { type AppsMe, TENANT } from "#contract/apps-identity";
import { users } from "#tables/identity";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { appsRole } from "./apps-roles.ts";
import { effectiveRole, needSession } from "./roles.ts";

/** `GET /api/v1/auth/me`: the account or the token behind the credential. */
export async function appsMe(ctx: Ctx): Promise<AppsMe> {
  const { actor } = ctx;
  if (actor.kind === "app_token") {
    return {
      userId: null,
      tenantId: TENANT.id,
      role: "service",
      isSuperadmin: false,
      scope: actor.app_id === null ? "global" : "app",
      via: "api_token",
      email: null,
    };
  }
  const account = needSession(ctx);
  const user = await ctx.db.select({ email: users.email }).from(users).where(eq(users.id, account.id)).get();
  if (!user) throw new ApiError("unauthenticated");
  const role = appsRole(effectiveRole(account));
  return {
    userId: String(account.id),
    tenantId: TENANT.id,
    role,
    isSuperadmin: role === "superadmin",
    scope: "global",
    via: "user_jwt",
    email: user.email,
  };
}
