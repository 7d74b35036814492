import type { ChatMessage } from "#contract/chat";
import { roomOf } from "#kit/message-id";
import { chatRoom } from "../../durable-objects/stubs.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { askObject } from "../core/object-calls.ts";
import { accountOf } from "../core/operation.ts";
import { needChannelRow } from "./rows.ts";
import { standingIn } from "./standing.ts";
import { visitorOfActor } from "./visitor.ts";

/**
 * `GET /api/chat/thread/{id}`: a message and what it answers, oldest first. Throws `not_found`, and `forbidden` when its
 * channel is closed to the account.
 */
export async function readThread(ctx: Ctx, messageId: number): Promise<ChatMessage[]> {
  const account = accountOf(ctx);
  const visitor = visitorOfActor(account);
  const row = await needChannelRow(ctx, roomOf(messageId), visitor);
  if (!standingIn(row, visitor)) throw new ApiError("forbidden", "You may not read this channel");
  const thread = await askObject("chat room", () => chatRoom(ctx.env, row.channel.id).thread(messageId, account.id));
  if (thread.length === 0) throw new ApiError("not_found", "No such message");
  return thread;
}
