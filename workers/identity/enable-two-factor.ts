import { and, isNull, sql } from "drizzle-orm";
import type { TwoFactorEnabled } from "#contract/credentials";
import { backup_codes, two_factor } from "#tables/identity";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { unseal } from "../core/seal.ts";
import { backupCodeHash, newBackupCodes } from "./backup-codes.ts";
import { needSession } from "./roles.ts";
import { holds, needHeld } from "./sessions.ts";
import { alreadyOn } from "./set-up-two-factor.ts";
import { totpStep } from "./totp.ts";
import { sameFactor, twoFactorOf } from "./two-factor.ts";

/**
 * `POST /api/user/2fa/verify`: a first code shows that the app has the secret, and from now on every login asks for
 * one. Returns the backup codes, which are kept as hashes only. Throws `invalid_request` when the code is wrong, when
 * nothing was set up, and when the factor is on already; `forbidden` for keys; `unauthenticated` when the session has
 * just ended: it would lock out whoever ended it.
 */
export async function enableTwoFactor(ctx: Ctx, code: string): Promise<TwoFactorEnabled> {
  const actor = needSession(ctx);
  const { id, username } = actor;
  const factor = await twoFactorOf(ctx, id);
  if (!factor) throw new ApiError("invalid_request", "Set up two-factor authentication first");
  if (factor.enabled_at !== null) throw alreadyOn();
  const now = ctx.now();
  const step = totpStep(await unseal(ctx.settings, "totp-secret", factor.secret), code, now);
  if (step === null) {
    throw new ApiError("invalid_request", "The code is not right: check the clock of your device", {
      details: [{ field: "code", message: "is not right" }],
    });
  }
  const codes = newBackupCodes();
  const hashes = await Promise.all(codes.map((each) => backupCodeHash(ctx, id, each)));
  const enable = ctx.db
    .update(two_factor)
    // The code is used up by it.
    .set({ enabled_at: now, last_step: step })
    .where(and(sameFactor(factor), isNull(two_factor.enabled_at), holds(actor)))
    .returning({ user_id: two_factor.user_id });
  const keep = ctx.db.insert(backup_codes).select(sql`
    SELECT ${id}, value FROM json_each(${JSON.stringify(hashes)}) WHERE changes() = 1`);
  const target = { type: "user", id, name: username };
  const enabled = await commitIf(ctx, enable, [{ action: "two_factor_enable", target }], [], [keep]);
  if (enabled.length === 0) {
    await needHeld(ctx, actor);
    throw new ApiError("invalid_request", "It was set up anew meanwhile: look again");
  }
  return {
    status: "enabled",
    success: true,
    backup_codes: codes,
    message: "Two-factor authentication is on. Keep the backup codes: they are not shown again",
  };
}
