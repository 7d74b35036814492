/** The entry. Only handlers and classes may be exported here: the runtime makes an entrypoint of each export. */
import { app, sweeps } from "./application.ts";
import type { Env } from "./core/env.ts";
import { runSweeps } from "./core/sweeps.ts";

export { ChatGateway } from "../durable-objects/chat-gateway.ts";
export { ChatRoom } from "../durable-objects/chat-room.ts";
export { LiveStream } from "../durable-objects/live-stream.ts";
export { MediaNode } from "../durable-objects/media-node.ts";
export { RateLimiter } from "../durable-objects/rate-limiter.ts";
export { MediaCache } from "./streams/playback-cache.ts";

export default {
  fetch: (request, env, execution) => app.fetch(request, env, execution),
  scheduled: (_event, env, execution) => runSweeps(env, execution, sweeps),
} satisfies ExportedHandler<Env>;
