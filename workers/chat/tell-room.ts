import { eq } from "drizzle-orm";
import { chat_rooms } from "#tables/chat";
import { chatRoom } from "../../durable-objects/stubs.ts";
import type { Ctx } from "../core/context.ts";
import { tellObject } from "../core/object-calls.ts";
import { readConfig } from "./channel-config.ts";

/** After the commit that took a new version. A room that cannot be reached learns it of whoever joins next. */
export const configureRoom = (ctx: Ctx, channelId: number): Promise<void> =>
  // Read anew: of two changes at once the last must carry both.
  tellRoom(ctx, channelId, "configure", async () =>
    chatRoom(ctx.env, channelId).configure(await readConfig(ctx, channelId)),
  );

/** After the commit that deleted the channel. A room that cannot be reached is left to `sweepRooms`. */
export const destroyRoom = (ctx: Ctx, channelId: number): Promise<void> =>
  tellRoom(ctx, channelId, "destroy", () => removeRoom(ctx, channelId));

/** Of a channel that is gone. The row that says there is a room goes once there is none. */
export async function removeRoom(ctx: Ctx, channelId: number): Promise<void> {
  await chatRoom(ctx.env, channelId).destroy();
  await ctx.db.delete(chat_rooms).where(eq(chat_rooms.id, channelId));
}

const tellRoom = (ctx: Ctx, channel_id: number, order: string, call: () => Promise<void>): Promise<void> =>
  tellObject(ctx, { object: "chat room", order, channel_id }, call);
