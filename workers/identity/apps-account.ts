/** One's own account as the apps face has it. */
import { and, eq, sql } from "drizzle-orm";
import { type AppsAccount, type AppsAccountChange, TENANT } from "#contract/apps-identity";
import { magic_links, two_factor, users } from "#tables/identity";
import { needMatch } from "../core/conditional.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { appsRole } from "./apps-roles.ts";
import { changeAccount } from "./change-profile.ts";
import { emailTaken } from "./email-taken.ts";
import { effectiveRole, needSession } from "./roles.ts";
import { tellFormerAddress } from "./tell-former-address.ts";

/** `GET /api/v1/account`. */
export async function appsAccount(ctx: Ctx): Promise<AppsAccount> {
  const account = needSession(ctx);
  const user = await ctx.db
    .select({
      id: users.id,
      username: users.username,
      name: users.nickname,
      email: users.email,
      created_at: users.created_at,
      enabled_at: two_factor.enabled_at,
    })
    .from(users)
    .leftJoin(two_factor, eq(two_factor.user_id, users.id))
    .where(eq(users.id, account.id))
    .get();
  if (!user) throw new ApiError("unauthenticated");
  const { id, username, name, email } = user;
  return {
    id: String(id),
    username,
    name,
    email,
    role: appsRole(effectiveRole(account)),
    twoFactorEnabled: user.enabled_at !== null,
    createdAt: new Date(user.created_at).toISOString(),
    tenant: TENANT,
  };
}

/** What `PATCH` changes, and `If-Match` compares, by its columns. */
export const settingsOf = ({ name, email }: AppsAccount) => ({ nickname: name, email });

/**
 * `PATCH /api/v1/account`: what is not named stays. Links that were mailed to an address before it was changed open
 * nothing any more, and its owner is told there. Throws `invalid_request` for an address that somebody has,
 * `precondition_failed` when name and address are not those that `ifMatch` names.
 */
export async function changeAppsAccount(
  ctx: Ctx,
  { name, email }: AppsAccountChange,
  ifMatch: string | undefined,
): Promise<AppsAccount> {
  const { id } = needSession(ctx);
  const read = ifMatch === undefined ? undefined : settingsOf(await appsAccount(ctx));
  const expected = read && (await needMatch(ifMatch, read)) ? read : undefined;
  const fields = { ...(name !== undefined && { nickname: name }), ...(email !== undefined && { email }) };
  if (Object.keys(fields).length > 0) {
    const links = ctx.db.delete(magic_links).where(and(eq(magic_links.user_id, id), sql`changes() = 1`));
    const details = {
      ...(name !== undefined && { nickname: name }),
      ...(email !== undefined && { email: email === null ? "removed" : "set" }),
    };
    const former = email === undefined ? undefined : await withAddress(ctx, id);
    await emailTaken(() =>
      changeAccount(ctx, fields, details, { dependants: email === undefined ? [] : [links], expected }),
    );
    if (former && former.email.toLowerCase() !== email?.toLowerCase()) tellFormerAddress(ctx, former);
  }
  return appsAccount(ctx);
}

/** The account, when it has an address. */
async function withAddress({ db }: Ctx, id: number) {
  const row = await db
    .select({ id: users.id, username: users.username, email: users.email })
    .from(users)
    .where(eq(users.id, id))
    .get();
  return row?.email ? { ...row, email: row.email } : undefined;
}
