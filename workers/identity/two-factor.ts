/** The second factor of an account, as every login asks for it. */
import { and, eq, isNotNull, lt } from "drizzle-orm";
import { two_factor } from "#tables/identity";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { log } from "../core/log.ts";
import { unseal } from "../core/seal.ts";
import { BACKUP_CODE, takeBackupCode } from "./backup-codes.ts";
import { countAttempt } from "./login-failures.ts";
import { totpStep } from "./totp.ts";
import type { UserRow } from "./user-rows.ts";

type User = Pick<UserRow, "id" | "username">;
export type TwoFactorRow = typeof two_factor.$inferSelect;

/** Null: it was never set up. It counts when it is enabled. */
export async function twoFactorOf(ctx: Ctx, userId: number): Promise<TwoFactorRow | null> {
  const row = await ctx.db.select().from(two_factor).where(eq(two_factor.user_id, userId)).get();
  return row ?? null;
}

/**
 * To be passed by everybody whose password, or link, was right. Returns since when the factor is on (UTC ms), or null
 * when none is: `openSession` wants to know, so that nobody gets in beside its being turned on. Throws `totp_required`
 * without a code; `totp_invalid` for one that is wrong or was used, which counts as a failed login; `rate_limited`
 * after too many.
 */
export async function passSecondFactor(ctx: Ctx, user: User, code: string | undefined): Promise<number | null> {
  const factor = await twoFactorOf(ctx, user.id);
  if (!factor || factor.enabled_at === null) return null;
  if (!code) throw new ApiError("totp_required");
  // By the account's name, whatever was typed for it: a code has few digits.
  const forgive = await countAttempt(ctx, user.username);
  if (!(await takeCode(ctx, user, factor, code))) {
    log("warn", "second factor refused", { request_id: ctx.requestId, ip: ctx.ip, user_id: user.id });
    throw new ApiError("totp_invalid");
  }
  await forgive();
  return factor.enabled_at;
}

/** Uses up a code of the app, or a backup code. The caller counts the attempt. */
export async function takeCode(ctx: Ctx, user: User, factor: TwoFactorRow, code: string): Promise<boolean> {
  if (BACKUP_CODE.test(code)) return takeBackupCode(ctx, user, code);
  const step = totpStep(await unseal(ctx.settings, "totp-secret", factor.secret), code, ctx.now());
  if (step === null) return false;
  const taken = await ctx.db
    .update(two_factor)
    .set({ last_step: step })
    .where(and(sameFactor(factor), isNotNull(two_factor.enabled_at), lt(two_factor.last_step, step)))
    .returning({ user_id: two_factor.user_id });
  return taken.length > 0;
}

/** Condition of a change: nobody set it up anew since it was read. */
export const sameFactor = ({ user_id, secret }: TwoFactorRow) =>
  and(eq(two_factor.user_id, user_id), eq(two_factor.secret, secret));
