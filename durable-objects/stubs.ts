/** The one place that addresses objects. An address is the noun's own id, so every isolate reaches the same object. */

import type { RateLimiterRpc } from "#contract/limits";
import type { LiveStreamRpc, MediaNodeRpc } from "#contract/live";

/**
 * The bindings as callers see them: typed by the RPC interface in #contract, which the class implements. Importing the
 * classes here would be a circle.
 */
export type ObjectBindings = {
  LIVE_STREAM: DurableObjectNamespace<LiveStreamRpc & Rpc.DurableObjectBranded>;
  MEDIA_NODE: DurableObjectNamespace<MediaNodeRpc & Rpc.DurableObjectBranded>;
  RATE_LIMITER: DurableObjectNamespace<RateLimiterRpc & Rpc.DurableObjectBranded>;
};

/** The live state of one stream. */
export const liveStream = (env: Pick<ObjectBindings, "LIVE_STREAM">, streamId: number) =>
  env.LIVE_STREAM.getByName(String(streamId));

/** The link of one media worker. `fetch` only for the WebSocket upgrade. */
export const mediaNode = (env: Pick<ObjectBindings, "MEDIA_NODE">, workerId: string) =>
  env.MEDIA_NODE.getByName(workerId);

/** The counter of one rate-limit class and principal, e.g. `auth:203.0.113.7`. */
export const rateLimiter = (env: Pick<ObjectBindings, "RATE_LIMITER">, key: string) => env.RATE_LIMITER.getByName(key);
