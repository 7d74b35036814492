import { eq } from "drizzle-orm";
import type { TwoFactorStatus } from "#contract/credentials";
import { backup_codes } from "#tables/identity";
import type { Ctx } from "../core/context.ts";
import { needUser } from "./roles.ts";
import { twoFactorOf } from "./two-factor.ts";

/** `GET /api/user/2fa/status`. Throws `forbidden` for a stream key. */
export async function twoFactorStatus(ctx: Ctx): Promise<TwoFactorStatus> {
  const { id } = needUser(ctx);
  const [factor, backup_codes_remaining] = await Promise.all([
    twoFactorOf(ctx, id),
    ctx.db.$count(backup_codes, eq(backup_codes.user_id, id)),
  ]);
  return { enabled: factor !== null && factor.enabled_at !== null, backup_codes_remaining };
}
