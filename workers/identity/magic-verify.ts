import { and, eq, getTableColumns, gt, isNull } from "drizzle-orm";
import type { AppsToken, MagicLinkVerify } from "#contract/apps-identity";
import { hashKey } from "#kit/keys";
import { magic_links, users } from "#tables/identity";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { log } from "../core/log.ts";
import { openAppsSession } from "./apps-log-in.ts";
import { passSecondFactor } from "./two-factor.ts";
import type { UserRow } from "./user-rows.ts";

/** `POST /api/v1/auth/magic/verify`. Throws as `spendMagicLink`. */
export const verifyMagicLink = async (ctx: Ctx, { token, code }: MagicLinkVerify): Promise<AppsToken> =>
  openAppsSession(ctx, await spendMagicLink(ctx, token, code));

/**
 * The link stands in for the password, not for the second factor. Without the right code it stays good. Of any number
 * that use one at once, one signs in. Throws `bad_credentials` for a link that is not, or not any more;
 * `totp_required`, `totp_invalid` and `rate_limited` as `passSecondFactor`. Returns the account as `openSession` takes it.
 */
export async function spendMagicLink(
  ctx: Ctx,
  token: string,
  code: string | undefined,
): Promise<UserRow & { second_factor: number | null }> {
  const good = and(eq(magic_links.token_hash, await hashKey(token)), gt(magic_links.expires_at, ctx.now()));
  const user = await ctx.db
    .select(getTableColumns(users))
    .from(magic_links)
    .innerJoin(users, and(eq(users.id, magic_links.user_id), isNull(users.deleted_at)))
    .where(good)
    .get();
  if (!user) throw refused(ctx);
  const second_factor = await passSecondFactor(ctx, user, code);
  const used = await ctx.db.delete(magic_links).where(good).returning({ user_id: magic_links.user_id });
  if (used.length === 0) throw refused(ctx);
  return { ...user, second_factor };
}

function refused(ctx: Ctx): ApiError {
  log("warn", "magic link refused", { request_id: ctx.requestId, ip: ctx.ip });
  return new ApiError("bad_credentials", "The link is not valid, or not any more");
}
