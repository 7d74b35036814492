import { and, eq, gt, isNull, sql } from "drizzle-orm";
import type { z } from "zod";
import type { EnrolReply, EnrolRequest } from "#contract/media";
import { fromBase64url } from "#kit/base64url";
import { hashKey } from "#kit/keys";
import { enrolment_tokens, media_workers } from "#tables/media";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";

/**
 * Trades a one-use token for the identity of a media worker. Asking again with the same token and key, because the
 * reply was lost, gets the same answer. Throws `unauthenticated`, the same for a token that is unknown, used or expired.
 */
export async function enrolWorker(
  ctx: Ctx,
  { token, name, public_key }: z.infer<typeof EnrolRequest>,
): Promise<z.infer<typeof EnrolReply>> {
  if (fromBase64url(public_key)?.length !== 32) {
    throw new ApiError("invalid_request", "public_key must be an Ed25519 key: 32 bytes in base64url");
  }
  const hash = await hashKey(token);
  const now = ctx.now();
  const id = `mw_${crypto.randomUUID()}`;
  const take = ctx.db
    .update(enrolment_tokens)
    .set({ used_at: now })
    .where(
      and(eq(enrolment_tokens.hash, hash), isNull(enrolment_tokens.used_at), gt(enrolment_tokens.expires_at, now)),
    );
  const insert = ctx.db.run(sql`
    INSERT INTO ${media_workers} (id, name, public_key, roles, created_at)
    SELECT ${id}, ${name}, ${public_key}, '[]', ${now} WHERE changes() = 1
    ON CONFLICT (public_key) DO NOTHING`);
  await commitIf(
    ctx,
    take,
    [{ action: "media_worker_enrol", target: { type: "media_worker", id, name } }],
    [],
    [insert],
  );

  const worker = await ctx.db
    .select({ id: media_workers.id })
    .from(media_workers)
    .innerJoin(enrolment_tokens, eq(enrolment_tokens.hash, hash))
    .where(and(eq(media_workers.public_key, public_key), isNull(media_workers.revoked_at)))
    .get();
  if (!worker) throw new ApiError("unauthenticated", "The enrolment token is not valid");
  return { worker_id: worker.id };
}
