/** What a role may do and ask for. */
import { isAdminRole, UserRole } from "#contract/identity";

const USER_SCOPES = ["services:read", "access:*"];

/** The scopes of a new session. Accounts that are not admin get the same ones whatever they ask for. */
export function grantedScopes(role: UserRole, asked: readonly string[] | undefined): string[] {
  if (!isAdminRole(role)) return [...USER_SCOPES];
  return asked ? [...new Set(asked)] : ["*"];
}

export const atLeast = (role: UserRole, least: UserRole): boolean =>
  UserRole.options.indexOf(role) >= UserRole.options.indexOf(least);

/** Superadmins manage everybody; everybody else only those below. */
export const manageableRoles = (role: UserRole): UserRole[] =>
  role === "superadmin" ? [...UserRole.options] : UserRole.options.slice(0, UserRole.options.indexOf(role));
