/** The two ways in: a token for programs, a cookie for the web application. */
import { isAdminRole, type LoginRequest, type TokenReply, type TokenRequest } from "#contract/identity";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { checkCredentials } from "./check-credentials.ts";
import { spendMagicLink } from "./magic-verify.ts";
import { grantedScopes } from "./roles.ts";
import { openSession } from "./sessions.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** `POST /api/token`. Throws as `checkCredentials`. */
export async function createToken(ctx: Ctx, input: TokenRequest): Promise<TokenReply> {
  const user = await checkCredentials(ctx, { ...input, code: input.totp_code });
  const scopes = grantedScopes(user.role, input.scopes);
  const session = await openSession(ctx, user, {
    face: "portal",
    kind: "token",
    scopes,
    name: input.name || null,
    ttl_ms: input.expires_hours * HOUR_MS,
  });
  return {
    token: session.token,
    token_id: session.id,
    user_id: user.id,
    scopes,
    expires_at: new Date(session.expires_at).toISOString(),
    user: { id: user.id, username: user.username, is_admin: isAdminRole(user.role) },
  };
}

/**
 * `POST /login`: the cookie's token and how long the browser keeps it; null when a code is needed, which a browser then
 * asks for. Else throws as `checkCredentials`.
 */
export async function logIn(
  ctx: Ctx,
  input: LoginRequest,
): Promise<{ user: { id: number; username: string }; token: string; max_age_s: number } | null> {
  const { magic_token, username = "", password = "", totp_code: code } = input;
  const checked =
    magic_token === undefined
      ? checkCredentials(ctx, { username, password, code })
      : spendMagicLink(ctx, magic_token, code);
  const user = await checked.catch(nullWithoutCode);
  if (!user) return null;
  const ttl_ms = input.remember ? 30 * DAY_MS : DAY_MS;
  const session = await openSession(ctx, user, {
    face: "portal",
    kind: "cookie",
    scopes: grantedScopes(user.role, undefined),
    name: null,
    ttl_ms,
  });
  return { user: { id: user.id, username: user.username }, token: session.token, max_age_s: ttl_ms / 1000 };
}

function nullWithoutCode(error: unknown): null {
  if (error instanceof ApiError && error.code === "totp_required") return null;
  throw error;
}
