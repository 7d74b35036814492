import { count, eq } from "drizzle-orm";
import type { TwoFactorStatus } from "#contract/credentials";
import { backup_codes, two_factor } from "#tables/identity";
import type { Ctx } from "../core/context.ts";
import { needUser } from "./roles.ts";

/** `GET /api/user/2fa/status`. Throws `forbidden` for a stream key. */
export async function twoFactorStatus(ctx: Ctx): Promise<TwoFactorStatus> {
  const { id } = needUser(ctx);
  const [[factor], [left]] = await ctx.db.batch([
    ctx.db.select({ enabled_at: two_factor.enabled_at }).from(two_factor).where(eq(two_factor.user_id, id)),
    ctx.db.select({ codes: count() }).from(backup_codes).where(eq(backup_codes.user_id, id)),
  ]);
  return { enabled: factor !== undefined && factor.enabled_at !== null, backup_codes_remaining: left?.codes ?? 0 };
}
