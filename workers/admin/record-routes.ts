/** What was done, as people and moderators see it. */
import { z } from "@hono/zod-openapi";
import { ActivityList, AuditLog, ModerationAction } from "#contract/audit";
import { ACCOUNTS, MODERATORS } from "../core/admits.ts";
import type { App } from "../core/app-env.ts";
import { operation } from "../core/operation.ts";
import { OFFSET_MAX, whole } from "../core/parameters.ts";
import { listActivity } from "./activity.ts";
import { readAuditLog } from "./audit-log.ts";

const json = <T extends z.ZodType>(schema: T) => ({ content: { "application/json": { schema } } });
const tags = ["admin"];
const Id = whole(1, OFFSET_MAX).optional();

/** ISO 8601, with a time zone or in UTC; or a day. */
const Since = z
  .string()
  .max(40)
  .transform((text) => Date.parse(/T[\d:.]+$/.test(text) ? `${text}Z` : text))
  .refine((time) => !Number.isNaN(time), "must be a time such as 2026-11-28T12:00:00Z")
  .optional()
  .meta({ example: "2026-11-28T12:00:00Z" });

export function recordRoutes(app: App): void {
  operation(
    app,
    {
      method: "get",
      path: "/api/activity",
      operationId: "listActivity",
      tags,
      summary: "Your activity, newest first; for admins everybody's",
      access: "account",
      admits: ACCOUNTS,
      errors: ["forbidden"],
      request: { query: z.object({ limit: whole(1, 50).default(20), offset: whole(0, OFFSET_MAX).default(0) }) },
      responses: { 200: { description: "The activity", ...json(ActivityList) } },
    },
    async (c) => c.json({ activities: await listActivity(c.var.ctx, c.req.valid("query")) }, 200),
  );

  operation(
    app,
    {
      method: "get",
      path: "/api/admin/audit-log",
      operationId: "readAuditLog",
      tags,
      summary: "What moderators and admins did, newest first; for moderators",
      access: "account",
      admits: MODERATORS,
      errors: ["forbidden"],
      request: {
        query: z.object({
          action: ModerationAction.optional(),
          actor_id: Id,
          channel_id: Id,
          since: Since,
          limit: whole(1, 200).default(50),
          offset: whole(0, OFFSET_MAX).default(0),
        }),
      },
      responses: { 200: { description: "The entries of the last 90 days", ...json(AuditLog) } },
    },
    async (c) => c.json(await readAuditLog(c.var.ctx, c.req.valid("query")), 200),
  );
}
