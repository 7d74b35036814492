import type { PlaybackRoute } from "#contract/live";
import { liveStream } from "../../durable-objects/stubs.ts";
import type { Ctx } from "../core/context.ts";

const FRESH_MS = 2_000;
const STREAMS_MAX = 1_000;

/** This isolate's view of where streams are. Holds replies, never promises. */
const routes = new Map<number, { route: PlaybackRoute; at: number }>();

/** At most two seconds old. */
export async function playbackRoute(ctx: Ctx, streamId: number): Promise<PlaybackRoute> {
  const now = ctx.now();
  const known = routes.get(streamId);
  if (known && now - known.at < FRESH_MS) return known.route;
  const route = await liveStream(ctx.env, streamId).playback();
  if (routes.size >= STREAMS_MAX) routes.clear();
  routes.set(streamId, { route, at: now });
  return route;
}
