import { and, eq, lt } from "drizzle-orm";
import type { DrizzleD1Database } from "drizzle-orm/d1";
import { streams } from "#tables/streams";

/** What the database shows of a stream's live state. Only the stream's `LiveStream` object writes it. */
export type LiveColumns = Pick<
  typeof streams.$inferInsert,
  "is_live" | "viewer_count" | "total_views" | "started_at" | "ended_at" | "last_target_duration"
>;

/** An older version never overwrites a newer one; a stream that was deleted meanwhile is none of our business. */
export async function projectLiveState(
  db: DrizzleD1Database,
  streamId: number,
  version: number,
  columns: LiveColumns,
): Promise<void> {
  await db
    .update(streams)
    .set({ ...columns, live_version: version })
    .where(and(eq(streams.id, streamId), lt(streams.live_version, version)));
}
