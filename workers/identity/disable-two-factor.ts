import { and } from "drizzle-orm";
import type { TwoFactorDisable } from "#contract/credentials";
import { two_factor } from "#tables/identity";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { countAttempt } from "./login-failures.ts";
import { verifyPassword } from "./password.ts";
import { needSession } from "./roles.ts";
import { holds, needHeld } from "./sessions.ts";
import { sameFactor, takeCode, twoFactorOf } from "./two-factor.ts";
import { needUserRow } from "./user-rows.ts";

/**
 * `POST /api/user/2fa/disable`: by a code, else by the password, which is the way back for whoever lost the device. The
 * secret and the backup codes are gone with it. Throws `invalid_request` when it is not on; `totp_invalid` and
 * `bad_credentials`, which count as failed logins; `rate_limited` after too many; `forbidden` for keys;
 * `unauthenticated` when the session has just ended.
 */
export async function disableTwoFactor(ctx: Ctx, { code, password = "" }: TwoFactorDisable): Promise<void> {
  const actor = needSession(ctx);
  const { id } = actor;
  const user = await needUserRow(ctx, id);
  const factor = await twoFactorOf(ctx, id);
  if (!factor || factor.enabled_at === null) throw notOn();
  // Whoever found an open browser may not guess either.
  const forgive = await countAttempt(ctx, user.username);
  if (code) {
    if (!(await takeCode(ctx, user, factor, code))) throw new ApiError("totp_invalid");
  } else if (!(await verifyPassword(user.password_hash, password))) {
    throw new ApiError("bad_credentials", "The password is wrong");
  }
  await forgive();
  const gone = ctx.db
    .delete(two_factor)
    .where(and(sameFactor(factor), holds(actor)))
    .returning({ user_id: two_factor.user_id });
  const target = { type: "user", id, name: user.username };
  const disabled = await commitIf(ctx, gone, [{ action: "two_factor_disable", target }]);
  if (disabled.length === 0) {
    await needHeld(ctx, actor);
    throw notOn();
  }
}

const notOn = () => new ApiError("invalid_request", "Two-factor authentication is not on");
