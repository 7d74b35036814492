import { and, eq, isNull, sql } from "drizzle-orm";
import { chat_channels, chat_rooms } from "#tables/chat";
import type { Ctx } from "../core/context.ts";
import { logFailure } from "../core/log.ts";
import { removeRoom } from "./tell-room.ts";

/** In one go; the rest is the next minute's. */
const BATCH = 50;

/**
 * Destroys the rooms that did not take the order when their channels were deleted, with what was written there. Each
 * minute; what fails comes again. Returns how many it destroyed.
 */
export async function sweepRooms(ctx: Ctx): Promise<number> {
  const left = await ctx.db
    .select({ id: chat_rooms.id })
    .from(chat_rooms)
    .leftJoin(chat_channels, eq(chat_channels.id, chat_rooms.id))
    .where(and(eq(chat_rooms.kind, "channel"), isNull(chat_channels.id)))
    // Those that fail each time are in nobody's way.
    .orderBy(sql`random()`)
    .limit(BATCH);
  let destroyed = 0;
  for (const { id } of left) {
    try {
      await removeRoom(ctx, id);
      destroyed += 1;
    } catch (error) {
      logFailure("a room could not be destroyed; it is tried again", error, { channel_id: id });
    }
  }
  return destroyed;
}
