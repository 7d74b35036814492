/** The entry: composes the nouns into one application, and exports the object classes. */
export { LiveStream } from "../durable-objects/live-stream.ts";
export { MediaNode } from "../durable-objects/media-node.ts";
export { RateLimiter } from "../durable-objects/rate-limiter.ts";
export { MediaCache } from "./streams/playback-cache.ts";

export default {
  async fetch(): Promise<Response> {
    return new Response(null, { status: 404 });
  },
} satisfies ExportedHandler;
