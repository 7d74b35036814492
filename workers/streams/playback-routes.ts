import { z } from "@hono/zod-openapi";
import { MASTER } from "#kit/media-names";
import type { App } from "../core/app-env.ts";
import { authenticate } from "../core/authenticate.ts";
import { ApiError } from "../core/errors.ts";
import { operation } from "../core/operation.ts";
import { BY_PUBLIC_KEY, streamByKey } from "./by-key.ts";
import { masterPlaylist, tokenedMedia } from "./playback.ts";

const KEY_MAX = 64;
/** A path token and a name; both have far smaller limits of their own. */
const PATH_MAX = 400;

export function playbackRoutes(app: App): void {
  operation(
    app,
    {
      method: "get",
      path: "/api/stream/{key}/hls/{path}",
      rest: "path",
      operationId: "getHls",
      tags: ["streams"],
      summary: "HLS playback: playlists, segments and parts",
      description:
        "`index.m3u8` is authorised by the key: `live_` plays for whoever holds it, `pub_` for anyone when the stream " +
        "is public, and for its owner (signed in, or by `X-Stream-Key`) and admins when it is private. It leads to " +
        "`{token}/source.m3u8` and the media beside it, where the token is the credential, for twelve hours. " +
        "`HEAD` and `Range` work. Low-latency players add `_HLS_msn` and `_HLS_part` to wait for what comes next.",
      access: "none",
      limit: "none",
      admits: BY_PUBLIC_KEY,
      anyOrigin: true,
      errors: ["bad_key", "not_found", "not_live", "upstream_failed", "unavailable", "upstream_timeout"],
      request: {
        params: z.object({ key: z.string().max(KEY_MAX), path: z.string().max(PATH_MAX) }),
        query: z.object({
          _HLS_msn: z.string().max(20).optional().openapi({ description: "Wait for this media sequence number" }),
          _HLS_part: z.string().max(20).optional().openapi({ description: "Wait for this part of it" }),
        }),
      },
      responses: {
        200: {
          description: "A playlist or media",
          content: {
            "application/vnd.apple.mpegurl": { schema: z.string() },
            "video/mp4": { schema: z.string().openapi({ format: "binary" }) },
          },
        },
        206: { description: "The range asked for", content: { "video/mp4": { schema: z.string() } } },
        416: { description: "There is no such range" },
      },
    },
    async (c) => {
      const { key, path } = c.req.valid("param");
      const { ctx, services } = c.var;
      const wanted = {
        method: c.req.raw.method,
        search: new URL(c.req.url).search,
        range: c.req.header("range") ?? null,
        gzip: /\bgzip\b/.test(c.req.header("accept-encoding") ?? ""),
      };
      if (path === MASTER) {
        // Here and not for the whole operation: media requests must not cost what a session costs.
        ctx.actor = await authenticate(c, services.authenticators);
        const { stream } = await streamByKey(ctx, key);
        return masterPlaylist(ctx, key, stream.id, wanted);
      }
      const [token = "", name = "", ...rest] = path.split("/");
      if (rest.length > 0) throw new ApiError("not_found");
      return tokenedMedia(ctx, key, token, name, wanted);
    },
  );
}
