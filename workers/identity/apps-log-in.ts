import type { AppsLogin, AppsToken } from "#contract/apps-identity";
import type { Ctx } from "../core/context.ts";
import { checkCredentials } from "./check-credentials.ts";
import { grantedScopes } from "./roles.ts";
import { openSession } from "./sessions.ts";

const TOKEN_MS = 12 * 3_600_000;

/** `POST /api/v1/auth/login`. Throws as `checkCredentials`. */
export async function logInToApps(ctx: Ctx, { user, password, code }: AppsLogin): Promise<AppsToken> {
  return openAppsSession(ctx, await checkCredentials(ctx, { username: user, by: "email-or-name", password, code }));
}

/** For whoever has shown who they are. Throws as `openSession`. */
export async function openAppsSession(ctx: Ctx, user: Parameters<typeof openSession>[1]): Promise<AppsToken> {
  const { token } = await openSession(ctx, user, {
    face: "apps",
    kind: "token",
    scopes: grantedScopes(user.role, undefined),
    name: null,
    ttl_ms: TOKEN_MS,
  });
  return { token };
}
