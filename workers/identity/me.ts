import { eq, getTableColumns } from "drizzle-orm";
import { isAdminRole, type Me } from "#contract/identity";
import { two_factor, users } from "#tables/identity";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { accountOf } from "../core/operation.ts";
import { selectSettings, settingsFrom } from "../core/setting.ts";
import { atLeast, effectiveRole, manageableRoles } from "./roles.ts";

const EVERYTHING = { allow_user_connections: true, allow_user_streams: true };
const ALLOWED = ["allow_user_connections", "allow_user_streams"] as const;

/** `GET /api/me`: the account behind the credential, and what one may do by it. */
export async function me(ctx: Ctx): Promise<Me> {
  const account = accountOf(ctx);
  const [[user], settings] = await ctx.db.batch([
    ctx.db
      .select({ ...getTableColumns(users), second_factor: two_factor.enabled_at })
      .from(users)
      .leftJoin(two_factor, eq(two_factor.user_id, users.id))
      .where(eq(users.id, account.id)),
    selectSettings(ctx, [...ALLOWED]),
  ]);
  // What is off for people is not off for admins.
  const open = isAdminRole(account.role) ? EVERYTHING : settingsFrom(settings, ALLOWED);
  if (!user) throw new ApiError("unauthenticated");
  const { id, username, nickname, status, status_message, role, avatar } = user;
  // A credential that is narrowed may do less than its account.
  const acts = effectiveRole({ ...account, role });
  return {
    id,
    username,
    nickname,
    status,
    status_message,
    role,
    chat_anonymous: user.chat_anonymous === 1,
    avatar,
    is_admin: isAdminRole(role),
    scopes: account.scopes,
    permissions: {
      can_manage_users: atLeast(acts, "moderator"),
      can_reset_passwords: atLeast(acts, "admin"),
      can_delete_users: atLeast(acts, "superadmin"),
      manageable_roles: manageableRoles(acts),
      can_add_connections: open.allow_user_connections,
      can_add_streams: open.allow_user_streams,
    },
    totp_enabled: user.second_factor !== null,
    created_at: new Date(user.created_at).toISOString(),
  };
}
