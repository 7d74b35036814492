import { z } from "@hono/zod-openapi";
import {
  CreatedStream,
  NewStreamKey,
  OneStream,
  StreamInfo,
  StreamInput,
  StreamList,
  StreamUpdate,
} from "#contract/streams";
import { ACCOUNTS, EVERYBODY, OWNER } from "../core/admits.ts";
import type { App } from "../core/app-env.ts";
import { settingsTag } from "../core/conditional.ts";
import { operation } from "../core/operation.ts";
import { numberOf } from "../core/parameters.ts";
import { BY_PUBLIC_KEY, streamInfo } from "./by-key.ts";
import { createStream } from "./create.ts";
import { deleteStream } from "./delete.ts";
import { getStream } from "./get.ts";
import { listOpenStreams, listOwnStreams, listPublicStreams } from "./list.ts";
import { regenerateKey } from "./regenerate-key.ts";
import { settingsOf } from "./rows.ts";
import { updateStream } from "./update.ts";

const json = <T extends z.ZodType>(schema: T) => ({ content: { "application/json": { schema } } });
const tags = ["streams"];

const WithId = z.object({
  id: z
    .union(
      [numberOf("The stream's number"), z.string().regex(/^pub_[A-Za-z0-9_-]{1,64}$/)],
      "must be a number or a pub_ key",
    )
    .meta({ description: "The stream's number or its `pub_` key", example: 1 }),
});

export function streamRoutes(app: App): void {
  operation(
    app,
    {
      method: "get",
      path: "/api/streams",
      operationId: "listOwnStreams",
      tags,
      summary: "Your streams, newest first, with their keys",
      access: "user",
      admits: ACCOUNTS,
      errors: [],
      responses: { 200: { description: "Your streams", ...json(StreamList) } },
    },
    async (c) => c.json({ streams: await listOwnStreams(c.var.ctx) }, 200),
  );

  operation(
    app,
    {
      method: "post",
      path: "/api/streams",
      operationId: "createStream",
      tags,
      summary: "Create a stream, with its key and its chat channel",
      access: "account",
      admits: ACCOUNTS,
      idempotent: true,
      errors: ["forbidden", "conflict"],
      request: { body: { ...json(StreamInput), required: true } },
      responses: { 201: { description: "The stream", ...json(CreatedStream) } },
    },
    async (c) => {
      const stream = await createStream(c.var.ctx, c.req.valid("json"));
      return c.json({ ...stream, stream }, 201);
    },
  );

  operation(
    app,
    {
      method: "get",
      path: "/api/streams/public",
      operationId: "listPublicStreams",
      tags,
      summary: "Public streams: live first, then encoding, then offline; by viewers",
      access: "user",
      admits: ACCOUNTS,
      errors: [],
      request: {
        query: z.object({
          live: z.enum(["true", "false", "1", "0"]).optional().meta({ description: "Only live ones" }),
        }),
      },
      responses: { 200: { description: "Public streams, without keys", ...json(StreamList) } },
    },
    async (c) => {
      const { live } = c.req.valid("query");
      return c.json(
        { streams: await listPublicStreams(c.var.ctx, { liveOnly: live === "true" || live === "1" }) },
        200,
      );
    },
  );

  operation(
    app,
    {
      method: "get",
      path: "/api/streams/open",
      operationId: "listOpenStreams",
      tags,
      summary: "Live streams that guests may watch",
      access: "none",
      limit: "general",
      admits: EVERYBODY,
      errors: [],
      responses: { 200: { description: "Public, live, open to guests; by viewers", ...json(StreamList) } },
    },
    async (c) => c.json({ streams: await listOpenStreams(c.var.ctx) }, 200),
  );

  operation(
    app,
    {
      method: "get",
      path: "/api/streams/{id}",
      operationId: "getStream",
      tags,
      summary: "One stream",
      description: "Its owner sees both keys. Guests see public streams that are open to them.",
      access: "optional",
      admits: { kinds: { private: { ...OWNER, admin: "ok" }, public: ACCOUNTS, open: EVERYBODY } },
      etag: true,
      errors: ["not_found", "unauthenticated"],
      request: { params: WithId },
      responses: { 200: { description: "The stream", ...json(OneStream) } },
    },
    async (c) => {
      const stream = await getStream(c.var.ctx, c.req.valid("param").id);
      return c.json({ stream }, 200, { ETag: await settingsTag(settingsOf(stream)) });
    },
  );

  operation(
    app,
    {
      method: "put",
      path: "/api/streams/{id}",
      operationId: "updateStream",
      tags,
      summary: "Change a stream; what is not named stays",
      access: "user",
      admits: OWNER,
      ifMatch: true,
      errors: ["not_found", "conflict"],
      request: { params: WithId, body: { ...json(StreamUpdate), required: true } },
      responses: { 200: { description: "The stream as it is now", ...json(OneStream) } },
    },
    async (c) => {
      const { id } = c.req.valid("param");
      return c.json({ stream: await updateStream(c.var.ctx, id, c.req.valid("json"), c.req.header("if-match")) }, 200);
    },
  );

  operation(
    app,
    {
      method: "delete",
      path: "/api/streams/{id}",
      operationId: "deleteStream",
      tags,
      summary: "Delete a stream and its chat channel; whoever publishes is cut off",
      access: "user",
      admits: OWNER,
      errors: ["not_found"],
      request: { params: WithId },
      responses: { 200: { description: "It is gone", ...json(z.object({ success: z.literal(true) })) } },
    },
    async (c) => {
      await deleteStream(c.var.ctx, c.req.valid("param").id);
      return c.json({ success: true as const }, 200);
    },
  );

  operation(
    app,
    {
      method: "post",
      path: "/api/streams/{id}/regenerate-key",
      operationId: "regenerateStreamKey",
      tags,
      summary: "Replace the `live_` key; the old one fails at once",
      access: "user",
      admits: { ...OWNER, other: 403, moderator: 403, admin: 403 },
      errors: ["forbidden", "conflict"],
      request: { params: WithId },
      responses: { 200: { description: "The new key", ...json(NewStreamKey) } },
    },
    async (c) => c.json(await regenerateKey(c.var.ctx, c.req.valid("param").id), 200),
  );

  operation(
    app,
    {
      method: "get",
      path: "/api/stream/{key}/info",
      operationId: "getStreamInfo",
      tags,
      summary: "What a viewer may know of a stream; the key is the credential",
      access: "optional",
      // Players ask for it all the time, and many viewers may have one address.
      limit: "none",
      admits: BY_PUBLIC_KEY,
      errors: ["bad_key"],
      request: { params: z.object({ key: z.string().max(200).meta({ description: "A `live_` or `pub_` key" }) }) },
      responses: { 200: { description: "The stream", ...json(StreamInfo) } },
    },
    async (c) => c.json(await streamInfo(c.var.ctx, c.req.valid("param").key), 200),
  );
}
