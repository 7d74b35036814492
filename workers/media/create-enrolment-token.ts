import { toBase64url } from "#kit/base64url";
import { hashKey } from "#kit/keys";
import { enrolment_tokens } from "#tables/media";
import { commit } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";

const LIFETIME_MS = 15 * 60_000;
const TOKEN_BYTES = 32;

/** A token with which one media worker may enrol, within a quarter of an hour. Kept as its hash, so shown once. */
export async function createEnrolmentToken(ctx: Ctx): Promise<string> {
  const token = toBase64url(crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)));
  const hash = await hashKey(token);
  const now = ctx.now();
  await commit(
    ctx,
    [ctx.db.insert(enrolment_tokens).values({ hash, created_at: now, expires_at: now + LIFETIME_MS })],
    [{ action: "enrolment_token_create", target: { type: "enrolment_token", id: null, name: null } }],
  );
  return token;
}
