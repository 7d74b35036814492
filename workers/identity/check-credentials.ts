/** Name, password and second factor, as every login of every face checks them. */
import { and, eq, isNull, or } from "drizzle-orm";
import { users } from "#tables/identity";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { log } from "../core/log.ts";
import { countAttempt } from "./login-failures.ts";
import { verifyPassword } from "./password.ts";
import { passSecondFactor } from "./two-factor.ts";
import type { UserRow } from "./user-rows.ts";

export type Credentials = {
  username: string;
  /** What `username` may be. An address is never a name: names have no `@`. */
  by?: "name" | "email-or-name";
  password: string;
  /** Of the authenticator app, or a backup code: `SecondFactorCode`. */
  code?: string | undefined;
};

/**
 * Hashes exactly once, whether the account exists or not, so that time tells nothing. Throws `bad_credentials`;
 * `totp_required` and `totp_invalid` when the password was right; `rate_limited` after too many failures. Returns the
 * account as `openSession` takes it.
 */
export async function checkCredentials(
  ctx: Ctx,
  { username, by = "name", password, code }: Credentials,
): Promise<UserRow & { second_factor: number | null }> {
  const named = eq(users.username, username);
  const meant = by === "name" ? named : or(named, eq(users.email, username));
  const user = await ctx.db
    .select()
    .from(users)
    .where(and(meant, isNull(users.deleted_at)))
    .get();
  // An account has one count, whatever was typed for it.
  const forgive = await countAttempt(ctx, user?.username ?? username);
  const right = await verifyPassword(user?.password_hash ?? null, password);
  if (!user || !right) {
    log("warn", "login refused", { request_id: ctx.requestId, ip: ctx.ip });
    throw new ApiError("bad_credentials");
  }
  await forgive();
  return { ...user, second_factor: await passSecondFactor(ctx, user, code) };
}
