/** The one place that addresses objects. An address is the noun's own id, so every isolate reaches the same object. */

import type { ChatGatewayRpc, ChatRoomRpc } from "#contract/chat-rpc";
import type { RateLimiterRpc } from "#contract/limits";
import type { LiveStreamRpc, MediaNodeRpc } from "#contract/live";
import { Region } from "#contract/regions";

/**
 * The bindings as callers see them: typed by the RPC interface in #contract, which the class implements. Importing the
 * classes here would be a circle.
 */
export type ObjectBindings = {
  LIVE_STREAM: DurableObjectNamespace<LiveStreamRpc & Rpc.DurableObjectBranded>;
  MEDIA_NODE: DurableObjectNamespace<MediaNodeRpc & Rpc.DurableObjectBranded>;
  RATE_LIMITER: DurableObjectNamespace<RateLimiterRpc & Rpc.DurableObjectBranded>;
  CHAT_ROOM: DurableObjectNamespace<ChatRoomRpc & Rpc.DurableObjectBranded>;
  CHAT_GATEWAY: DurableObjectNamespace<ChatGatewayRpc & Rpc.DurableObjectBranded>;
};

/** The live state of one stream. */
export const liveStream = (env: Pick<ObjectBindings, "LIVE_STREAM">, streamId: number) =>
  env.LIVE_STREAM.getByName(String(streamId));

/** The link of one media worker. `fetch` only for the WebSocket upgrade. */
export const mediaNode = (env: Pick<ObjectBindings, "MEDIA_NODE">, workerId: string) =>
  env.MEDIA_NODE.getByName(workerId);

/** The counter of one face, class and principal, e.g. `portal:auth:203.0.113.7`. */
export const rateLimiter = (env: Pick<ObjectBindings, "RATE_LIMITER">, key: string) => env.RATE_LIMITER.getByName(key);

/** One channel or conversation, by its room's number. */
export const chatRoom = (env: Pick<ObjectBindings, "CHAT_ROOM">, room: number) => env.CHAT_ROOM.getByName(String(room));

/** The sockets of some users: `<region>:<shard>`, made in that region, or near its first caller when it is `auto`. */
export function chatGateway(env: Pick<ObjectBindings, "CHAT_GATEWAY">, name: string) {
  const region = Region.safeParse(name.split(":")[0]);
  return env.CHAT_GATEWAY.getByName(name, region.success ? { locationHint: region.data } : undefined);
}
