/** The owner's library of recordings. */
import { z } from "@hono/zod-openapi";
import { OneVod, VodList, VodStatus, VodUpdate } from "#contract/vods";
import { ACCOUNTS, OWNER } from "../core/admits.ts";
import type { App } from "../core/app-env.ts";
import { settingsTag } from "../core/conditional.ts";
import { operation } from "../core/operation.ts";
import { numbered, numberOf, OFFSET_MAX, whole } from "../core/parameters.ts";
import { deleteVod } from "./delete.ts";
import { getVod } from "./get.ts";
import { listVods } from "./list.ts";
import { settingsOf } from "./shown.ts";
import { updateVod } from "./update.ts";

const json = <T extends z.ZodType>(schema: T) => ({ content: { "application/json": { schema } } });
const tags = ["vods"];

const WithId = numbered("The recording's number");

const Query = z.object({
  stream_id: numberOf("Of this stream only").optional(),
  status: VodStatus.optional(),
  limit: whole(1, 100).default(50).meta({ description: "1 to 100; 50 when not said" }),
  offset: whole(0, OFFSET_MAX).default(0),
});

export function libraryRoutes(app: App): void {
  operation(
    app,
    {
      method: "get",
      path: "/api/library",
      operationId: "listVods",
      tags,
      summary: "Your recordings, newest first",
      description: "A stream key sees those of its stream.",
      access: "user",
      admits: ACCOUNTS,
      errors: [],
      request: { query: Query },
      responses: { 200: { description: "One page of them", ...json(VodList) } },
    },
    async (c) => c.json(await listVods(c.var.ctx, c.req.valid("query")), 200),
  );

  operation(
    app,
    {
      method: "get",
      path: "/api/library/{id}",
      operationId: "getVod",
      tags,
      summary: "One of your recordings, with download addresses for an hour",
      access: "user",
      admits: OWNER,
      etag: true,
      errors: ["not_found"],
      request: { params: WithId },
      responses: { 200: { description: "The recording", ...json(OneVod) } },
    },
    async (c) => {
      const vod = await getVod(c.var.ctx, c.req.valid("param").id);
      return c.json({ vod }, 200, { ETag: await settingsTag(settingsOf(vod)) });
    },
  );

  operation(
    app,
    {
      method: "put",
      path: "/api/library/{id}",
      operationId: "updateVod",
      tags,
      summary: "Change a recording's title or who may watch it; what is not named stays",
      access: "user",
      admits: OWNER,
      ifMatch: true,
      errors: ["not_found"],
      request: { params: WithId, body: { ...json(VodUpdate), required: true } },
      responses: { 200: { description: "The recording as it is now", ...json(OneVod) } },
    },
    async (c) => {
      const { id } = c.req.valid("param");
      return c.json({ vod: await updateVod(c.var.ctx, id, c.req.valid("json"), c.req.header("if-match")) }, 200);
    },
  );

  operation(
    app,
    {
      method: "delete",
      path: "/api/library/{id}",
      operationId: "deleteVod",
      tags,
      summary: "Delete a recording and its files",
      description: "Not while it is being recorded.",
      access: "user",
      admits: OWNER,
      errors: ["not_found", "still_recording"],
      request: { params: WithId },
      responses: { 200: { description: "It is gone", ...json(z.object({ message: z.string() })) } },
    },
    async (c) => {
      await deleteVod(c.var.ctx, c.req.valid("param").id);
      return c.json({ message: "The recording is deleted" }, 200);
    },
  );
}
