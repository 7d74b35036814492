/** What a role may do and ask for. */
import { type AccountActor, type Actor, isAdminRole, UserRole } from "#contract/identity";
import { grants } from "#kit/scopes";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { accountOf } from "../core/operation.ts";

type SessionActor = Extract<Actor, { kind: "user" }>;
type UserActor = Extract<Actor, { kind: "user" | "api_key" }>;

const USER_SCOPES = ["services:read", "access:*"];

/** The scopes of a new session. Accounts that are not admin get the same ones whatever they ask for. */
export function grantedScopes(role: UserRole, asked: readonly string[] | undefined): string[] {
  if (!isAdminRole(role)) return [...USER_SCOPES];
  return asked ? [...new Set(asked)] : ["*"];
}

export const atLeast = (role: UserRole, least: UserRole): boolean =>
  UserRole.options.indexOf(role) >= UserRole.options.indexOf(least);

/** As it is said in a sentence. */
export const aRole = (role: UserRole): string => (role === "admin" ? "an admin" : `a ${role}`);

/** Superadmins manage everybody; everybody else only those below. */
export const manageableRoles = (role: UserRole): UserRole[] =>
  role === "superadmin" ? [...UserRole.options] : UserRole.options.slice(0, UserRole.options.indexOf(role));

/** Superadmins anybody, others of their kind included; everybody else only those below. */
export const mayManage = (role: UserRole, target: UserRole): boolean => manageableRoles(role).includes(target);

/** A stream key, and an admin's session or key that is narrowed to less than `admin`, act as an ordinary user. */
export function effectiveRole(actor: AccountActor): UserRole {
  const narrowed = actor.kind === "stream_key" || (isAdminRole(actor.role) && !grants(actor.scopes, "admin"));
  return narrowed ? "user" : actor.role;
}

/** Throws `forbidden` below `least`, `unauthenticated`. */
export function needRole(ctx: Ctx, least: UserRole): UserActor {
  const actor = needUser(ctx);
  const role = effectiveRole(actor);
  if (!atLeast(role, least)) throw new ApiError("forbidden", `Only ${aRole(least)} may do that`);
  return { ...actor, role };
}

/** The account, signed in or by a key of its own. Throws `forbidden` for a stream key, which acts for one stream only; `unauthenticated`. */
export function needUser(ctx: Ctx): UserActor {
  const account = accountOf(ctx);
  if (account.kind === "stream_key") throw new ApiError("forbidden", "A stream key cannot do that: sign in");
  return account;
}

/**
 * The account in person. What opens an account is changed by nobody who holds a key to it. Throws `forbidden` for keys,
 * `unauthenticated`.
 */
export function needSession(ctx: Ctx): SessionActor {
  const account = needUser(ctx);
  if (account.kind === "api_key") throw new ApiError("forbidden", "An API key cannot do that: sign in");
  return account;
}
