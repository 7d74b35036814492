import { AppTokenInput, AppTokenList, CreatedAppToken } from "#contract/apps-identity";
import { ADMINS } from "../core/admits.ts";
import type { App } from "../core/app-env.ts";
import { operation } from "../core/operation.ts";
import { numbered } from "../core/parameters.ts";
import { createAppToken } from "./apps-create-token.ts";
import { listAppTokens } from "./apps-list-tokens.ts";
import { body, json } from "./apps-reply.ts";
import { revokeAppToken } from "./apps-revoke-token.ts";

const tags = ["identity"];
const WithToken = numbered("The token's number");

/** `sk_` tokens: made and revoked by owners, and by tokens that are not for one app only. */
export function appsTokenRoutes(app: App): void {
  operation(
    app,
    {
      method: "get",
      path: "/api/v1/tokens",
      operationId: "listAppTokens",
      tags,
      summary: "The API tokens, newest first, at most 500; for owners",
      access: "user",
      admits: ADMINS,
      errors: ["forbidden"],
      responses: { 200: { description: "The tokens, but for what they are", ...json(AppTokenList) } },
    },
    async (c) => c.json(await listAppTokens(c.var.ctx), 200),
  );

  operation(
    app,
    {
      method: "post",
      path: "/api/v1/tokens",
      operationId: "createAppToken",
      tags,
      summary: "Make an API token; for owners",
      description:
        "It counts as long as the account it goes with is there and may make one. Apps cannot be made yet, so that there is none for the scope `app`.",
      access: "user",
      admits: ADMINS,
      idempotent: true,
      errors: ["forbidden"],
      request: body(AppTokenInput),
      responses: { 201: { description: "The token, shown once", ...json(CreatedAppToken) } },
    },
    async (c) => c.json(await createAppToken(c.var.ctx, c.req.valid("json")), 201),
  );

  operation(
    app,
    {
      method: "delete",
      path: "/api/v1/tokens/{id}",
      operationId: "revokeAppToken",
      tags,
      summary: "Revoke an API token; for owners",
      description: "It stays in the list. A second time changes nothing; a number that no token has is 400.",
      access: "user",
      admits: ADMINS,
      errors: ["forbidden"],
      request: { params: WithToken },
      responses: { 204: { description: "It opens nothing any more" } },
    },
    async (c) => {
      await revokeAppToken(c.var.ctx, c.req.valid("param").id);
      return c.body(null, 204);
    },
  );
}
