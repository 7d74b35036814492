import { and, eq, lte, type SQL, sql } from "drizzle-orm";
import type { AuditAction } from "#contract/audit";
import { audit_log } from "#tables/admin";
import { users } from "#tables/identity";
import { streams } from "#tables/streams";
import { commit } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";

/** What the database shows of a stream's live state. Only the stream's `LiveStream` object writes it. */
export type LiveColumns = Pick<
  typeof streams.$inferInsert,
  "is_live" | "viewer_count" | "total_views" | "started_at" | "ended_at" | "last_target_duration"
>;

const LIVE = 1;
/** The same again within this time is not told again: an encoder that comes and goes would fill the list. */
const SAME_MS = 5 * 60_000;

/**
 * An older version never overwrites a newer one; the same one may be written again. In the same commit the log says
 * that the stream went on or off air. Returns the stream's channel: null when it has none, when a newer version is
 * there, and when the stream was deleted meanwhile.
 */
export async function projectLiveState(
  ctx: Ctx,
  streamId: number,
  version: number,
  columns: LiveColumns,
): Promise<number | null> {
  const isNewer = and(eq(streams.id, streamId), lte(streams.live_version, version));
  const update = ctx.db
    .update(streams)
    .set({ ...columns, live_version: version })
    .where(isNewer)
    .returning({ chat_channel_id: streams.chat_channel_id });
  const [, [row]] = await commit(ctx, [airing(ctx, columns.is_live === LIVE, isNewer), update], []);
  return row?.chat_channel_id ?? null;
}

/** To go before the change. Who did it is the stream's owner, by its key: nobody else publishes. */
function airing(ctx: Ctx, isLive: boolean, isNewer: SQL | undefined) {
  const action: AuditAction = isLive ? "stream_started" : "stream_offline";
  const now = ctx.now();
  return ctx.db.run(sql`
    INSERT INTO ${audit_log} (action, actor_kind, actor_id, actor_name, target_type, target_id, target_name, details, ip, request_id, created_at)
    SELECT ${action}, 'stream_key', CAST(${users.id} AS TEXT), ${users.username},
           'stream', CAST(${streams.id} AS TEXT), ${streams.title}, '{}', NULL, ${ctx.requestId}, ${now}
    FROM ${streams} JOIN ${users} ON ${users.id} = ${streams.user_id}
    WHERE ${isNewer} AND (${streams.is_live} = ${LIVE}) <> ${isLive ? 1 : 0} AND NOT EXISTS (
      SELECT 1 FROM ${audit_log} AS "lately"
      WHERE "lately"."actor_id" = CAST(${users.id} AS TEXT) AND "lately"."action" = ${action}
        AND "lately"."target_id" = CAST(${streams.id} AS TEXT) AND "lately"."created_at" > ${now - SAME_MS})`);
}
