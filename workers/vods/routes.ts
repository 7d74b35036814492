/** Watching recordings: by anybody whom their visibility lets in. */
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { OnePublicVod, PublicVodList } from "#contract/vods";
import { type Admission, EVERYBODY, toAll } from "../core/admits.ts";
import type { App, AppEnv } from "../core/app-env.ts";
import { authenticate } from "../core/authenticate.ts";
import { operation } from "../core/operation.ts";
import type { Wanted } from "./media-reply.ts";
import { partMedia } from "./part-media.ts";
import { vodPicture } from "./picture.ts";
import { playlistReply } from "./playlist-reply.ts";
import { listPublicVods } from "./public.ts";
import { publicVod } from "./shown.ts";
import { type Viewer, watchableVod } from "./watchable.ts";

const json = <T extends z.ZodType>(schema: T) => ({ content: { "application/json": { schema } } });
const bytes = (type: string) => ({ content: { [type]: { schema: z.string().openapi({ format: "binary" }) } } });
const tags = ["vods"];

const WithPublicId = z.object({ public_id: z.string().max(64).meta({ example: "vod_3k9f0a_q2LmZx7Rt" }) });
const WithToken = z.object({
  token: z
    .string()
    .max(4096)
    .optional()
    .meta({ description: "Of a private recording's URL, or a token of an account" }),
});

const WHO =
  "Public and unlisted recordings are anybody's who knows the id; a private one is its owner's (signed in, by token or " +
  "by its stream's key) and its `playback_url`'s, which carries a token for twelve hours. To others it does not exist.";
const WATCHERS: Admission = {
  kinds: { private: { ...toAll(404), owner: "ok", unscoped_key: "ok" }, public: EVERYBODY },
};
const REDIRECTED = { description: "Where the bucket has it, for a few hours" };
const UNCHANGED = { description: "What `If-None-Match` names is still right" };

export function vodRoutes(app: App): void {
  operation(
    app,
    {
      method: "get",
      path: "/api/vod",
      operationId: "listPublicVods",
      tags,
      summary: "Public recordings of a public stream, newest first",
      description: "At most the newest hundred, of those that can be played.",
      access: "none",
      limit: "general",
      admits: EVERYBODY,
      anyOrigin: true,
      errors: [],
      request: { query: z.object({ stream: z.string().max(200).meta({ description: "The stream's `pub_` key" }) }) },
      responses: { 200: { description: "The recordings", ...json(PublicVodList) } },
    },
    async (c) => c.json({ vods: await listPublicVods(c.var.ctx, c.req.valid("query").stream) }, 200),
  );

  operation(
    app,
    {
      method: "get",
      path: "/api/vod/{public_id}",
      operationId: "getPublicVod",
      tags,
      summary: "One recording, for whoever may watch it",
      description: WHO,
      access: "optional",
      admits: WATCHERS,
      anyOrigin: true,
      errors: ["not_found"],
      request: { params: WithPublicId, query: WithToken },
      responses: { 200: { description: "The recording", ...json(OnePublicVod) } },
    },
    async (c) => {
      const { row, query } = await watchableVod(c.var.ctx, c.req.valid("param").public_id, {
        token: c.req.valid("query").token,
        actor: async () => c.var.ctx.actor,
      });
      return c.json({ vod: publicVod(c.var.ctx, row, query) }, 200);
    },
  );

  operation(
    app,
    {
      method: "get",
      path: "/api/vod/{public_id}/index.m3u8",
      operationId: "getVodPlaylist",
      tags,
      summary: "The recording as HLS",
      description: `${WHO} The playlist's media are byte ranges of \`parts/{n}.mp4\` beside it.`,
      access: "asked",
      limit: "none",
      admits: WATCHERS,
      anyOrigin: true,
      errors: ["not_found"],
      request: { params: WithPublicId, query: WithToken },
      responses: {
        200: {
          description: "A media playlist of type VOD",
          content: { "application/vnd.apple.mpegurl": { schema: z.string() } },
        },
        304: UNCHANGED,
      },
    },
    async (c) => {
      const { ctx } = c.var;
      const vod = await watchableVod(ctx, c.req.valid("param").public_id, viewer(c, c.req.valid("query").token));
      return playlistReply(ctx, vod, wanted(c));
    },
  );

  operation(
    app,
    {
      method: "get",
      path: "/api/vod/{public_id}/parts/{file}",
      operationId: "getVodPart",
      tags,
      summary: "A part of the recording, an MP4 file",
      description: `${WHO} \`HEAD\` and one \`Range\` work. A download address makes browsers save it.`,
      access: "asked",
      limit: "none",
      admits: WATCHERS,
      anyOrigin: true,
      errors: ["not_found", "range_not_satisfiable", "storage_unavailable"],
      request: {
        params: WithPublicId.extend({
          file: z
            .string()
            .regex(/^[1-9]\d{0,5}\.mp4$/, "must be a part's number and .mp4")
            .meta({ example: "1.mp4" }),
        }),
        query: WithToken.extend({
          v: z.string().max(64).optional().meta({ description: "Names the part, whatever its number is by now" }),
        }),
      },
      responses: {
        200: { description: "The file", ...bytes("video/mp4") },
        206: { description: "The range asked for", ...bytes("video/mp4") },
        302: REDIRECTED,
        304: UNCHANGED,
      },
    },
    async (c) => {
      const { public_id, file } = c.req.valid("param");
      const { token, v } = c.req.valid("query");
      const vod = await watchableVod(c.var.ctx, public_id, viewer(c, token), ["play", "download"]);
      return partMedia(c.var.ctx, vod, { n: Number.parseInt(file, 10), name: v }, wanted(c));
    },
  );

  for (const kind of ["thumbnail", "storyboard"] as const) {
    operation(
      app,
      {
        method: "get",
        path: `/api/vod/{public_id}/${kind}.jpg`,
        operationId: kind === "thumbnail" ? "getVodThumbnail" : "getVodStoryboard",
        tags,
        summary: kind === "thumbnail" ? "A picture of the recording" : "Small pictures of it, tiled, for a seek bar",
        description: WHO,
        access: "asked",
        limit: "none",
        admits: WATCHERS,
        anyOrigin: true,
        errors: ["not_found", "storage_unavailable"],
        request: { params: WithPublicId, query: WithToken },
        responses: {
          200: { description: "The picture", ...bytes("image/jpeg") },
          302: REDIRECTED,
          304: UNCHANGED,
        },
      },
      async (c) => {
        const { ctx } = c.var;
        const vod = await watchableVod(ctx, c.req.valid("param").public_id, viewer(c, c.req.valid("query").token));
        return vodPicture(ctx, vod, kind, wanted(c));
      },
    );
  }
}

/** Media of recordings that are not private must not cost what a session costs. */
function viewer(c: Context<AppEnv>, token: string | undefined): Viewer {
  const { ctx, services } = c.var;
  const actor = async () => {
    ctx.actor = await authenticate(c, services.authenticators);
    return ctx.actor;
  };
  return { token, actor };
}

function wanted(c: Context<AppEnv>): Wanted {
  return {
    method: c.req.raw.method,
    range: c.req.header("range"),
    ifRange: c.req.header("if-range"),
    ifNoneMatch: c.req.header("if-none-match"),
    gzip: /\bgzip\b/.test(c.req.header("accept-encoding") ?? ""),
    signal: c.req.raw.signal,
  };
}
