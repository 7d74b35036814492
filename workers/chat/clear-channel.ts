import { chatRoom } from "../../durable-objects/stubs.ts";
import { commit } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { askObject } from "../core/object-calls.ts";
import { accountOf } from "../core/operation.ts";
import { needChannelRow } from "./rows.ts";
import { visitorOfActor } from "./visitor.ts";

/**
 * `POST /api/chat/channels/{id}/clear`: removes every message; returns how many there were. Throws `forbidden` below
 * superadmins, `not_found`, `unavailable`.
 */
export async function clearChannel(ctx: Ctx, id: number): Promise<number> {
  const account = accountOf(ctx);
  const visitor = visitorOfActor(account);
  if (visitor.role !== "superadmin") throw new ApiError("forbidden", "Only superadmins may clear channels");
  const { channel } = await needChannelRow(ctx, id, visitor);
  // The messages are the room's: it is recorded beforehand, so that none goes without a trace.
  await commit(ctx, [], [{ action: "channel_clear", target: { type: "channel", id, name: channel.name } }]);
  const by = { user_id: account.id, username: account.username };
  const order = crypto.randomUUID();
  return askObject("chat room", () => chatRoom(ctx.env, id).clear(by, order));
}
