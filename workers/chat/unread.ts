import { UNREAD_MAX } from "#contract/chat";
import { chatRoom } from "../../durable-objects/stubs.ts";
import type { Ctx } from "../core/context.ts";
import type { Env } from "../core/env.ts";
import { logFailure } from "../core/log.ts";

/** What a room said is believed for so long: everybody who is there asks for the list again and again. */
const BELIEVED_MS = 2_000;
const KEPT_MOST = 1_000;

type Newest = { seqs: number[]; asked_at: number };
const kept = new WeakMap<Env, Map<number, Newest>>();

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
  if (read_seq === null || last_seq <= read_seq) return 0;
  try {
    const seqs = await newestOf(ctx, id);
    return seqs.filter((seq) => seq > read_seq).length;
  } catch (error) {
    logFailure("a room did not say what is unread", error, { request_id: ctx.requestId, channel_id: id });
    return Math.min(last_seq - read_seq, UNREAD_MAX);
  }
}

async function newestOf(ctx: Ctx, id: number): Promise<number[]> {
  const rooms = kept.get(ctx.env) ?? new Map<number, Newest>();
  kept.set(ctx.env, rooms);
  const known = rooms.get(id);
  const asked_at = ctx.now();
  if (known && Math.abs(asked_at - known.asked_at) < BELIEVED_MS) return known.seqs;
  const seqs = await chatRoom(ctx.env, id).newest();
  if (rooms.size >= KEPT_MOST) rooms.clear();
  rooms.set(id, { seqs, asked_at });
  return seqs;
}
