/** Roles as the apps face calls them, and who may do what there. */
import type { AppsRole } from "#contract/apps-identity";
import type { UserRole } from "#contract/identity";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { needRole } from "./roles.ts";

const ROLES = {
  user: "viewer",
  moderator: "editor",
  admin: "owner",
  superadmin: "superadmin",
} as const satisfies Record<UserRole, AppsRole>;

export const appsRole = (role: UserRole): AppsRole => ROLES[role];

/** Owners, and tokens that are not for one app only. Throws `forbidden`, `unauthenticated`. */
export function needTokenRights(ctx: Ctx): void {
  const { actor } = ctx;
  if (actor.kind !== "app_token") needRole(ctx, "admin");
  else if (actor.app_id !== null) throw new ApiError("forbidden", "A token of one app cannot do that");
}
