import { PublicStats } from "#contract/admin";
import { ACCOUNTS } from "../core/admits.ts";
import type { App } from "../core/app-env.ts";
import { operation } from "../core/operation.ts";
import { publicStats } from "./stats.ts";

/** The numbers of the whole. */
export function statsRoutes(app: App): void {
  operation(
    app,
    {
      method: "get",
      path: "/api/stats/public",
      operationId: "getPublicStats",
      tags: ["admin"],
      summary: "How much is going on, in numbers; for whoever has an account",
      access: "account",
      admits: ACCOUNTS,
      errors: ["forbidden"],
      responses: { 200: { description: "The numbers", content: { "application/json": { schema: PublicStats } } } },
    },
    async (c) => c.json(await publicStats(c.var.ctx), 200),
  );
}
