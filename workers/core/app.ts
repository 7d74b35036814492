/** The application: what surrounds every request, whatever noun answers it. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { drizzle } from "drizzle-orm/d1";
import type { Context } from "hono";
import type { FieldError } from "#contract/errors";
import type { App, AppEnv, Services } from "./app-env.ts";
import { clientAddress, isHttps, publicOrigin } from "./client.ts";
import { newRequestId } from "./context.ts";
import { parseEnv, SettingsError } from "./env.ts";
import { ApiError } from "./errors.ts";
import { faceOf } from "./faces.ts";
import { secure } from "./headers.ts";
import { setLimitHeaders } from "./limit.ts";
import { log, logFailure } from "./log.ts";
import { openapiRoutes } from "./openapi.ts";
import { pageRoutes, serveAsset } from "./pages.ts";
import { renderError, toApiError } from "./problem.ts";
import { uptimeMs } from "./uptime.ts";

/** A request id of the caller's is kept when it can do no harm in a log. */
const REQUEST_ID = /^[A-Za-z0-9._-]{8,64}$/;
const USER_AGENT_MAX = 300;
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] as const;

export function createApp(services: Services, nouns: readonly ((app: App) => void)[]): App {
  const app: App = new OpenAPIHono<AppEnv>({ defaultHook: (result) => refuseInvalid(result) });
  app.use("*", async (c, next) => {
    const started = Date.now();
    uptimeMs(started);
    const given = c.req.header("x-request-id") ?? "";
    const requestId = REQUEST_ID.test(given) ? given : newRequestId();
    c.set("requestId", requestId);
    await next();
    finish(c, requestId);
    logRequest(c, requestId, started);
  });
  app.use("*", async (c, next) => {
    const settings = parseEnv(c.env);
    // The runtime makes the URL of what the Host header says, unchecked.
    if (!URL.canParse(c.req.url)) throw new ApiError("invalid_request", "The Host header is not valid");
    c.set("services", services);
    c.set("face", faceOf(c.req.path));
    c.set("ctx", {
      env: c.env,
      settings,
      db: drizzle(c.env.DB),
      actor: { kind: "anonymous" },
      requestId: c.var.requestId,
      ip: clientAddress(c.req.raw, settings),
      userAgent: c.req.header("user-agent")?.slice(0, USER_AGENT_MAX) ?? null,
      origin: publicOrigin(c.req.raw, settings),
      now: Date.now,
      waitUntil: (promise) => c.executionCtx.waitUntil(promise),
    });
    await next();
  });
  for (const mount of [...nouns, openapiRoutes, pageRoutes]) mount(app);
  app.notFound((c) => unrouted(app, c));
  app.onError((error, c) => {
    const known = toApiError(error);
    logError(error, known, c.var.requestId);
    return renderError(c.req.raw, faceOf(c.req.path), known, c.var.requestId);
  });
  return app;
}

/** Faults of ours come with all there is to know; what others did (an upstream, a limit) is one line. */
function logError(error: unknown, { code, message, spec, cause }: ApiError, requestId: string): void {
  if (code === "internal") {
    const msg = error instanceof SettingsError ? "the settings are wrong" : "request failed";
    logFailure(msg, error, { request_id: requestId });
  } else if (spec.status >= 500) {
    log("warn", message, { request_id: requestId, code, ...(cause instanceof Error && { cause: cause.message }) });
  }
}

/** No operation has this method and path: a static file, OPTIONS, or an error. */
async function unrouted(app: App, c: Context<AppEnv>): Promise<Response> {
  const allowed = METHODS.filter((method) => isRouted(app, method === "HEAD" ? "GET" : method, c.req.path));
  const method = c.req.raw.method;
  const allow = [...allowed, "OPTIONS"].join(", ");
  if (method === "OPTIONS" && allowed.length > 0) return new Response(null, { status: 204, headers: { Allow: allow } });
  if (allowed.length > 0) {
    throw new ApiError("method_not_allowed", `${method} is not allowed here`, { headers: { Allow: allow } });
  }
  const file = method === "GET" || method === "HEAD" ? await serveAsset(c) : null;
  if (file) return file;
  throw new ApiError("not_found");
}

/** Middleware is registered for all methods, so it does not count. */
function isRouted(app: App, method: string, path: string): boolean {
  return app.router.match(method, path)[0].some(([[, route]]) => route.method !== "ALL");
}

function finish(c: Context<AppEnv>, requestId: string): void {
  // An upgrade's response must stay the object it is.
  if (c.res.status === 101) return;
  if (!hasMutableHeaders(c.res)) {
    const copy = new Response(c.res.body, c.res);
    // Without this Hono copies the old headers over the new ones.
    c.res = undefined;
    c.res = copy;
  }
  setLimitHeaders(c.res.headers, c);
  secure(c.res.headers, requestId, c.var.ctx !== undefined && isHttps(c.req.raw, c.var.ctx.settings));
}

/** What `fetch` and bindings return cannot be changed, and nothing but trying tells. */
function hasMutableHeaders({ headers }: Response): boolean {
  try {
    headers.delete("X-Request-Id");
    return true;
  } catch {
    return false;
  }
}

/** Playback and files are too many to be worth a line each while they succeed. */
const QUIET = /^\/(assets\/|api\/stream\/[^/]+\/hls\/|api\/vod\/[^/]+\/|livez$|readyz$|health$)/;

function logRequest(c: Context<AppEnv>, requestId: string, started: number): void {
  const { status } = c.res;
  if (status < 400 && QUIET.test(c.req.path)) return;
  const actor = c.var.ctx?.actor;
  const { method } = c.req.raw;
  // Reads that succeed are what pages do every other second.
  const level = status < 400 && (method === "GET" || method === "HEAD") ? "debug" : "info";
  log(level, `${method} ${c.req.path} ${status}`, {
    request_id: requestId,
    duration_ms: Date.now() - started,
    ...(actor && actor.kind !== "anonymous" && { actor: actor.kind }),
    ...(actor && "id" in actor && { actor_id: actor.id }),
  });
}

type Validation = { success: true } | { success: false; error: { issues: readonly Issue[] } };
type Issue = { path: PropertyKey[]; message: string; code?: string };

function refuseInvalid(result: Validation): void {
  if (result.success) return;
  const details = result.error.issues.slice(0, 20).map(fieldError);
  const [first] = details;
  throw new ApiError("invalid_request", first && `${first.field} ${first.message}`.trim(), { details });
}

function fieldError({ path, message }: Issue): FieldError {
  const missing = message.endsWith("received undefined");
  return { field: path.map(String).join("."), message: missing ? "is required" : plain(message) };
}

/** zod's own words, where a schema has none, as the end of a sentence that begins with the field. */
const plain = (message: string) =>
  message
    .replace(/^Invalid input: expected (\w+), received .*$/, "must be of type $1")
    .replace(/^Invalid option: expected one of /, "must be one of ");
