import { and, eq, lte } from "drizzle-orm";
import type { DrizzleD1Database } from "drizzle-orm/d1";
import { streams } from "#tables/streams";

/** What the database shows of a stream's live state. Only the stream's `LiveStream` object writes it. */
export type LiveColumns = Pick<
  typeof streams.$inferInsert,
  "is_live" | "viewer_count" | "total_views" | "started_at" | "ended_at" | "last_target_duration"
>;

/**
 * An older version never overwrites a newer one; the same one may be written again. Returns the stream's channel: null
 * when it has none, when a newer version is there, and when the stream was deleted meanwhile.
 */
export async function projectLiveState(
  db: DrizzleD1Database,
  streamId: number,
  version: number,
  columns: LiveColumns,
): Promise<number | null> {
  const [row] = await db
    .update(streams)
    .set({ ...columns, live_version: version })
    .where(and(eq(streams.id, streamId), lte(streams.live_version, version)))
    .returning({ chat_channel_id: streams.chat_channel_id });
  return row?.chat_channel_id ?? null;
}
