import { lt } from "drizzle-orm";
import { enrolment_tokens } from "#tables/media";
import type { Ctx } from "../core/context.ts";

/** A used token must stay known for a while: a worker whose reply was lost asks again with it. */
const KEEP_MS = 24 * 3_600_000;

/** Returns how many rows went. */
export async function sweepEnrolmentTokens(ctx: Ctx): Promise<number> {
  const { meta } = await ctx.db
    .delete(enrolment_tokens)
    .where(lt(enrolment_tokens.expires_at, ctx.now() - KEEP_MS))
    .run();
  return meta.changes;
}
