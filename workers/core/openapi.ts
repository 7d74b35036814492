/** `/openapi.json`: what the operations do not say of themselves. */
import { z } from "@hono/zod-openapi";
import { VERSION } from "#contract/version";
import { EVERYBODY } from "./admits.ts";
import type { App } from "./app-env.ts";
import { SESSION_COOKIE } from "./authenticate.ts";
import { operation } from "./operation.ts";

const HEADERS = {
  RequestId: { description: "Names this request in our logs and in error bodies", type: "string" },
  RateLimitLimit: { description: "Attempts allowed in the window", type: "integer" },
  RateLimitRemaining: { description: "Attempts left in the window", type: "integer" },
  RateLimitReset: { description: "End of the window, Unix seconds", type: "integer" },
  RateLimit: { description: "`limit`, `remaining` and `reset`: the seconds until the window ends", type: "string" },
  RateLimitPolicy: { description: "Attempts allowed, and the window in seconds: `10;w=900`", type: "string" },
  RetryAfter: { description: "Seconds to wait", type: "integer" },
  IdempotencyReplayed: {
    description: "`true`: this is what the first request with the `Idempotency-Key` was answered",
    type: "string",
  },
  ETag: {
    description: "Names what was read, for `If-None-Match`, and for `If-Match` of what changes it",
    type: "string",
  },
} as const;

const SCHEMES = {
  bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "A token of any login" },
  api_key: {
    type: "apiKey",
    in: "header",
    name: "X-API-Key",
    description: "A `portal_` key, also as a bearer's value",
  },
  api_key_header: {
    type: "apiKey",
    in: "header",
    name: "Authorization",
    description: "`Authorization: Api-Key portal_…`",
  },
  app_token: { type: "http", scheme: "bearer", bearerFormat: "sk_…", description: "A token of `POST /api/v1/tokens`" },
  stream_key: { type: "apiKey", in: "header", name: "X-Stream-Key", description: "A `live_` key: its stream's owner" },
  stream_key_header: {
    type: "apiKey",
    in: "header",
    name: "Authorization",
    description: "`Authorization: Stream-Key live_…`",
  },
  query_token: { type: "apiKey", in: "query", name: "token", description: "A token, where headers cannot be set" },
  cookie: { type: "apiKey", in: "cookie", name: SESSION_COOKIE, description: "The web application's session" },
} as const;

const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().meta({ description: "A code of the closed catalogue" }),
    request_id: z.string(),
    errors: z
      .array(
        z.object({
          field: z.string(),
          message: z.string(),
          in: z.enum(["path", "query"]).optional().meta({ description: "When it is not the body's" }),
        }),
      )
      .optional(),
  })
  .meta({ description: "RFC 9457, for `Accept: application/problem+json`" })
  .openapi("Problem");

const TAGS = {
  identity: "Accounts, tokens and the session of the web application",
  streams: "Live streams, their keys and their playback",
  vods: "Recordings of broadcasts: their owner's library, and watching them",
  chat: "Channels, their messages, and the socket that carries them",
  admin: "Health, documentation, and what was done by whom",
};

const info = {
  openapi: "3.1.0",
  info: {
    title: "Sluice",
    version: VERSION,
    description: "Live video: publish by RTMP, watch by HLS. Every error body and response carries a request id.",
    license: { name: "MIT", identifier: "MIT" },
  },
  servers: [{ url: "/" }],
  tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
};

/** The generator writes the flags of a regular expression behind its pattern, where JSON Schema has none: `^\p{L}$/u`. */
function withoutFlags<T>(document: T): T {
  const plain = (name: string, value: unknown) =>
    name === "pattern" && typeof value === "string" ? value.replace(/(?<!\\)\/[a-z]+$/, "") : value;
  return JSON.parse(JSON.stringify(document), plain);
}

export function openapiRoutes(app: App): void {
  const registry = app.openAPIRegistry;
  registry.register("Problem", Problem);
  for (const [name, scheme] of Object.entries(SCHEMES)) registry.registerComponent("securitySchemes", name, scheme);
  for (const [name, { description, type }] of Object.entries(HEADERS)) {
    registry.registerComponent("headers", name, { description, schema: { type } });
  }
  let document: ReturnType<App["getOpenAPI31Document"]> | undefined;
  operation(
    app,
    {
      method: "get",
      path: "/openapi.json",
      operationId: "getOpenApi",
      tags: ["admin"],
      summary: "This description",
      access: "none",
      limit: "general",
      admits: EVERYBODY,
      errors: [],
      responses: {
        200: { description: "OpenAPI 3.1", content: { "application/json": { schema: z.looseObject({}) } } },
      },
    },
    (c) => {
      document ??= withoutFlags(app.getOpenAPI31Document(info));
      return c.json({ ...document }, 200, { "Cache-Control": "no-cache" });
    },
  );
}
