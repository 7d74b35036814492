import type { z } from "@hono/zod-openapi";
import { ApiKeyInput, ApiKeyList, CreatedApiKey, Deleted, Revoked } from "#contract/credentials";
import { IN_PERSON, OWNER_IN_PERSON } from "../core/admits.ts";
import type { App } from "../core/app-env.ts";
import { operation } from "../core/operation.ts";
import { numbered } from "../core/parameters.ts";
import { createApiKey } from "./create-api-key.ts";
import { deleteApiKey, revokeApiKey } from "./end-api-key.ts";
import { listApiKeys } from "./list-api-keys.ts";

const json = <T extends z.ZodType>(schema: T) => ({ content: { "application/json": { schema } } });
const tags = ["identity"];
const ByNumber = numbered("Of the API key");

export function apiKeyRoutes(app: App): void {
  operation(
    app,
    {
      method: "get",
      path: "/api/api-keys",
      operationId: "listApiKeys",
      tags,
      summary: "Your API keys, newest first",
      access: "user",
      admits: IN_PERSON,
      errors: ["forbidden"],
      responses: { 200: { description: "The keys, without what opens anything", ...json(ApiKeyList) } },
    },
    async (c) => c.json(await listApiKeys(c.var.ctx), 200),
  );

  operation(
    app,
    {
      method: "post",
      path: "/api/api-keys",
      operationId: "createApiKey",
      tags,
      summary: "Make an API key",
      description:
        "It acts for your account, on the portal's operations and within its scopes, and never does more than your role " +
        "allows at the time. It is good until it expires, is revoked or deleted, or the account is: another password " +
        "does not change that. What must be done in person, such as making keys, it cannot do. At most 100.",
      access: "user",
      admits: IN_PERSON,
      idempotent: true,
      errors: ["forbidden"],
      request: { body: { ...json(ApiKeyInput), required: true } },
      responses: { 201: { description: "The key, which is shown this once", ...json(CreatedApiKey) } },
    },
    async (c) => c.json(await createApiKey(c.var.ctx, c.req.valid("json")), 201),
  );

  operation(
    app,
    {
      method: "post",
      path: "/api/api-keys/{id}/revoke",
      operationId: "revokeApiKey",
      tags,
      summary: "Revoke an API key of yours; it stays in the list, and its sockets are closed",
      access: "user",
      admits: OWNER_IN_PERSON,
      errors: ["forbidden", "not_found"],
      request: { params: ByNumber },
      responses: { 200: { description: "It opens nothing any more", ...json(Revoked) } },
    },
    async (c) => {
      await revokeApiKey(c.var.ctx, c.req.valid("param").id);
      return c.json({ status: "revoked" as const }, 200);
    },
  );

  operation(
    app,
    {
      method: "delete",
      path: "/api/api-keys/{id}",
      operationId: "deleteApiKey",
      tags,
      summary: "Delete an API key of yours; its sockets are closed",
      access: "user",
      admits: OWNER_IN_PERSON,
      errors: ["forbidden", "not_found"],
      request: { params: ByNumber },
      responses: { 200: { description: "It is gone, and opens nothing any more", ...json(Deleted) } },
    },
    async (c) => {
      await deleteApiKey(c.var.ctx, c.req.valid("param").id);
      return c.json({ status: "deleted" as const }, 200);
    },
  );
}
