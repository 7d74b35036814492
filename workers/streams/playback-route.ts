import type { PlaybackRoute } from "#contract/live";
import { liveStream } from "../../durable-objects/stubs.ts";
import type { Ctx } from "../core/context.ts";

const FRESH_MS = 2_000;
/** While nothing is on the air people wait for it, and every moment shows. */
const FRESH_OFF_AIR_MS = 250;
const STREAMS_MAX = 1_000;

/** This isolate's view of where streams are. Holds replies, never promises. */
const routes = new Map<number, { route: PlaybackRoute; at: number }>();

/** At most two seconds old; a quarter of one when nothing is on the air. */
export async function playbackRoute(ctx: Ctx, streamId: number): Promise<PlaybackRoute> {
  const now = ctx.now();
  const known = routes.get(streamId);
  // A clock that was set back must not keep an entry for as long.
  if (known && Math.abs(now - known.at) < (known.route.state === "live" ? FRESH_MS : FRESH_OFF_AIR_MS))
    return known.route;
  const route = await liveStream(ctx.env, streamId).playback();
  if (routes.size >= STREAMS_MAX) routes.clear();
  routes.set(streamId, { route, at: now });
  return route;
}
