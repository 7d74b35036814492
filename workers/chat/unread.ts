import { UNREAD_MAX } from "#contract/chat";
import { chatRoom } from "../../durable-objects/stubs.ts";
import type { Ctx } from "../core/context.ts";
import { logFailure } from "../core/log.ts";

/**
 * How many messages somebody has not read. The database only knows how many were written since, and so whether there
 * may be any: which of them are still there is the room's to say.
 */
export async function countUnread(
  ctx: Ctx,
  { id, last_seq }: { id: number; last_seq: number },
  read_seq: number | null,
): Promise<number> {
  // A channel that was never opened has nothing one has missed.
  const written = Math.max(0, last_seq - (read_seq ?? last_seq));
  if (written === 0 || read_seq === null) return 0;
  try {
    return await chatRoom(ctx.env, id).unread(read_seq);
  } catch (error) {
    logFailure("a room did not say what is unread", error, { request_id: ctx.requestId, channel_id: id });
    return Math.min(written, UNREAD_MAX);
  }
}
