import { isNull, sql } from "drizzle-orm";
import type { TwoFactorSetup } from "#contract/credentials";
import { two_factor } from "#tables/identity";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { seal } from "../core/seal.ts";
import { needSession } from "./roles.ts";
import { holds, needHeld } from "./sessions.ts";
import { newTotpSecret, provisioningUri } from "./totp.ts";

/**
 * `POST /api/user/2fa/setup`: a secret for the authenticator app, shown this once. It counts from
 * `enableTwoFactor` on; until then a further set-up replaces it. Throws `invalid_request` when the factor is on,
 * `forbidden` for keys, `unauthenticated` when the session has just ended.
 */
export async function setUpTwoFactor(ctx: Ctx): Promise<TwoFactorSetup> {
  const actor = needSession(ctx);
  const secret = newTotpSecret();
  const fresh = {
    secret: await seal(ctx.settings, "totp-secret", secret),
    created_at: ctx.now(),
    last_step: 0,
  };
  const kept = await ctx.db
    .insert(two_factor)
    .select(
      sql`SELECT ${actor.id}, ${fresh.secret}, ${fresh.created_at}, NULL, ${fresh.last_step} WHERE ${holds(actor)}`,
    )
    .onConflictDoUpdate({ target: two_factor.user_id, set: fresh, setWhere: isNull(two_factor.enabled_at) })
    .returning({ user_id: two_factor.user_id });
  if (kept.length === 0) {
    await needHeld(ctx, actor);
    throw alreadyOn();
  }
  const { totpIssuer: issuer } = ctx.settings;
  const uri = provisioningUri(issuer, actor.username, secret);
  return { secret, provisioning_uri: uri, uri, issuer };
}

export const alreadyOn = () => new ApiError("invalid_request", "Two-factor authentication is on already");
