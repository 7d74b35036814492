import { isAdminRole } from "#contract/identity";
import type { RecorderLogin, RecorderLoginReply } from "#contract/recorder-identity";
import type { Ctx } from "../core/context.ts";
import { checkCredentials } from "./check-credentials.ts";
import { grantedScopes } from "./roles.ts";
import { openSession } from "./sessions.ts";

/** How long a token of the recorder's lasts, and one that was refreshed. */
export const RECORDER_TOKEN_MS = 24 * 3_600_000;

/**
 * `POST /api/auth/login`. Throws `bad_credentials`, `totp_required`, `totp_invalid`, and `rate_limited` after too many
 * failures.
 */
export async function logInToRecorder(ctx: Ctx, input: RecorderLogin): Promise<RecorderLoginReply> {
  const user = await checkCredentials(ctx, { ...input, code: input.totp_code });
  const { token, expires_at } = await openSession(ctx, user, {
    face: "recorder",
    kind: "token",
    scopes: grantedScopes(user.role, undefined),
    name: null,
    ttl_ms: RECORDER_TOKEN_MS,
  });
  return {
    token,
    expires_at: new Date(expires_at).toISOString(),
    role: isAdminRole(user.role) ? "admin" : "viewer",
  };
}
