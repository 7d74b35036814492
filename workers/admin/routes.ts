import type { z } from "@hono/zod-openapi";
import { BootstrapReply, BootstrapRequest, Health, Liveness } from "#contract/admin";
import { EVERYBODY, NOBODY } from "../core/admits.ts";
import type { App } from "../core/app-env.ts";
import { operation } from "../core/operation.ts";
import { assertOperator, bootstrap } from "./bootstrap.ts";
import { assertReady, health } from "./health.ts";

const json = <T extends z.ZodType>(schema: T) => ({ content: { "application/json": { schema } } });
const tags = ["admin"];

export function adminRoutes(app: App): void {
  operation(
    app,
    {
      method: "get",
      path: "/health",
      operationId: "getHealth",
      tags,
      summary: "State and load, in numbers; open to all",
      access: "none",
      limit: "none",
      admits: EVERYBODY,
      errors: [],
      responses: { 200: { description: "Always 200; `degraded` when the database does not answer", ...json(Health) } },
    },
    async (c) => c.json(await health(c.var.ctx), 200),
  );

  operation(
    app,
    {
      method: "get",
      path: "/livez",
      operationId: "getLiveness",
      tags,
      summary: "The process answers",
      access: "none",
      limit: "none",
      admits: EVERYBODY,
      errors: [],
      responses: { 200: { description: "It does", ...json(Liveness) } },
    },
    (c) => c.json({ status: "ok" as const }, 200),
  );

  operation(
    app,
    {
      method: "get",
      path: "/readyz",
      operationId: "getReadiness",
      tags,
      summary: "Requests can be served: the database answers and is migrated",
      access: "none",
      limit: "none",
      admits: EVERYBODY,
      errors: [],
      responses: { 200: { description: "Ready", ...json(Liveness) } },
    },
    async (c) => {
      await assertReady(c.var.ctx);
      return c.json({ status: "ok" as const }, 200);
    },
  );

  operation(
    app,
    {
      method: "post",
      path: "/internal/bootstrap",
      operationId: "bootstrap",
      tags,
      hide: true,
      access: "none",
      limit: "none",
      admits: NOBODY,
      errors: ["unauthenticated"],
      request: { body: { ...json(BootstrapRequest), required: true } },
      responses: { 200: { description: "What the launcher needs", ...json(BootstrapReply) } },
    },
    async (c) => {
      await assertOperator(c.var.ctx, c.req.header("authorization"));
      return c.json(await bootstrap(c.var.ctx, c.req.valid("json")), 200);
    },
  );
}
