import type { ChatRoomRpc } from "#contract/chat-rpc";
import { chatRoom } from "../../durable-objects/stubs.ts";
import type { Ctx } from "../core/context.ts";
import { tellObject } from "../core/object-calls.ts";
import { readConfig } from "./channel-config.ts";

/** After the commit that took a new version. A room that cannot be reached learns it of whoever joins next. */
export const configureRoom = (ctx: Ctx, channelId: number): Promise<void> =>
  // Read anew: of two changes at once the last must carry both.
  tellRoom(ctx, channelId, "configure", async (room) => room.configure(await readConfig(ctx, channelId)));

/** After the commit that deleted the channel. */
export const destroyRoom = (ctx: Ctx, channelId: number): Promise<void> =>
  tellRoom(ctx, channelId, "destroy", (room) => room.destroy());

const tellRoom = (
  ctx: Ctx,
  channel_id: number,
  order: string,
  call: (room: Pick<ChatRoomRpc, "configure" | "destroy">) => Promise<void>,
): Promise<void> =>
  tellObject(ctx, { object: "chat room", order, channel_id }, () => call(chatRoom(ctx.env, channel_id)));
