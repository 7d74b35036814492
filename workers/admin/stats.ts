import { and, eq, gt, isNull, type SQL, sql } from "drizzle-orm";
import type { SQLiteTable } from "drizzle-orm/sqlite-core";
import type { PublicStats } from "#contract/admin";
import { chat_online } from "#tables/chat";
import { sessions, users } from "#tables/identity";
import { streams } from "#tables/streams";
import { ONLINE_ROW_LASTS_MS } from "../chat/project-online-users.ts";
import type { Ctx } from "../core/context.ts";
import { uptimeMs } from "../core/uptime.ts";
import { needUser } from "../identity/roles.ts";

const LIVE = 1;

/** `GET /api/stats/public`, in one query. */
export async function publicStats(ctx: Ctx): Promise<PublicStats> {
  needUser(ctx);
  const now = ctx.now();
  const counts = await ctx.db
    .select({
      live_streams: count(streams, and(eq(streams.is_live, LIVE), eq(streams.is_public, 1))),
      online_users: sql<number>`(SELECT coalesce(sum(${chat_online.users}), 0) FROM ${chat_online}
        WHERE ${gt(chat_online.written_at, now - ONLINE_ROW_LASTS_MS)})`,
      total_users: count(users, isNull(users.deleted_at)),
      active_sessions: count(sessions, and(gt(sessions.expires_at, now), isNull(sessions.revoked_at))),
    })
    .from(sql`(SELECT 1)`)
    .get();
  if (!counts) throw new Error("numbers that were counted are not there");
  // Services cannot be made here.
  return { ...counts, total_services: 0, uptime: inWords(uptimeMs(now)) };
}

const count = (table: SQLiteTable, where: SQL | undefined): SQL<number> =>
  sql<number>`(SELECT count(*) FROM ${table} WHERE ${where})`;

/** Such as `3d 4h 5m`. */
export function inWords(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  return `${Math.floor(minutes / 1440)}d ${Math.floor(minutes / 60) % 24}h ${minutes % 60}m`;
}
