import { lt } from "drizzle-orm";
import { sessions } from "#tables/identity";
import type { Ctx } from "../core/context.ts";

/** Expired sessions stay this long, for people who wonder where they were signed in. */
const KEEP_MS = 7 * 24 * 3_600_000;

/** Returns how many rows went. */
export async function sweepSessions(ctx: Ctx): Promise<number> {
  const { meta } = await ctx.db
    .delete(sessions)
    .where(lt(sessions.expires_at, ctx.now() - KEEP_MS))
    .run();
  return meta.changes;
}
