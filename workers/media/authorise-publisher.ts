import { and, eq, isNull } from "drizzle-orm";
import ipaddr from "ipaddr.js";
import type { AuthoriseRequest, RefuseReason } from "#contract/media";
import { hashKey, keyPrefix } from "#kit/keys";
import { users } from "#tables/identity";
import { streams } from "#tables/streams";
import type { Ctx } from "../core/context.ts";

export type Publishable = {
  stream_id: number;
  stream_name: string;
  owner_username: string;
  second_publisher: "takeover" | "refuse";
  record: boolean;
  key_hash: string;
};

export type Decision = { ok: true; stream: Publishable } | { ok: false; reason: RefuseReason; message: string };

const refuse = (reason: RefuseReason, message: string): Decision => ({ ok: false, reason, message });

/** May this key publish, from there, by that protocol? Whether the stream is free is its `LiveStream` object's affair. */
export async function authorisePublisher(ctx: Ctx, { protocol, key, ip }: AuthoriseRequest): Promise<Decision> {
  if (keyPrefix(key) !== "live_") return refuse("unknown_key", "The stream key is not valid");
  if (protocol === "rtmp" && !ctx.settings.rtmpPlainLiveKeys && !isLoopback(ip)) {
    return refuse("not_allowed", "Stream keys are not taken on plain RTMP from other machines; use RTMPS");
  }
  const key_hash = await hashKey(key);
  const stream = await ctx.db
    .select({
      stream_id: streams.id,
      stream_name: streams.title,
      owner_username: users.username,
      second_publisher: streams.second_publisher,
      record: streams.record,
    })
    .from(streams)
    .innerJoin(users, and(eq(users.id, streams.user_id), isNull(users.deleted_at)))
    .where(eq(streams.live_key_hash, key_hash))
    .get();
  if (!stream) return refuse("unknown_key", "The stream key is not valid");
  // Without a bucket what is recorded could go nowhere.
  const record = stream.record === 1 && ctx.settings.s3 !== null;
  return { ok: true, stream: { ...stream, record, key_hash } };
}

/** `ip` as the socket gave it: IPv4 may come as IPv4-mapped IPv6. */
function isLoopback(ip: string): boolean {
  return ipaddr.isValid(ip) && ipaddr.process(ip).range() === "loopback";
}
