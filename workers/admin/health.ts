import { gt, sql } from "drizzle-orm";
import type { Health } from "#contract/admin";
import { VERSION } from "#contract/version";
import { streams } from "#tables/streams";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { logFailure } from "../core/log.ts";
import { uptimeMs } from "../core/uptime.ts";

const LIVE = 1;

/** `GET /health`: open to all, so it names nobody. */
export async function health(ctx: Ctx): Promise<Health> {
  const now = ctx.now();
  const counts = await countActive(ctx);
  return {
    status: counts ? "healthy" : "degraded",
    timestamp: new Date(now).toISOString(),
    version: VERSION,
    uptime_seconds: Math.round(uptimeMs(now) / 1000),
    active_streams: counts?.streams ?? 0,
    active_clients: counts?.clients ?? 0,
    // Chat sockets: each gateway knows its own, and nobody all of them.
    connections: 0,
  };
}

async function countActive(ctx: Ctx): Promise<{ streams: number; clients: number } | undefined> {
  try {
    return await ctx.db
      .select({
        streams: sql<number>`COUNT(CASE WHEN ${streams.is_live} = ${LIVE} THEN 1 END)`,
        clients: sql<number>`COALESCE(SUM(${streams.viewer_count}), 0)`,
      })
      .from(streams)
      .where(gt(streams.is_live, 0))
      .get();
  } catch (error) {
    logFailure("the database does not answer", error, { request_id: ctx.requestId });
    return undefined;
  }
}

/** `GET /readyz`: throws `unavailable` when the database does not answer or is not migrated. */
export async function assertReady(ctx: Ctx): Promise<void> {
  try {
    await ctx.db.select({ one: sql`1` }).from(streams).limit(1);
  } catch (cause) {
    throw new ApiError("unavailable", "The database is not ready", { headers: { "Retry-After": "1" }, cause });
  }
}
