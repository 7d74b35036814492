/** The application: what surrounds every request, whatever noun answers it. */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { App, AppEnv, Services } from "./app-env.ts";
import { clientAddress, isHttps, publicOrigin } from "./client.ts";
import { type Ctx, databaseOf, newRequestId } from "./context.ts";
import { parseEnv, SettingsError } from "./env.ts";
import { ApiError } from "./errors.ts";
import { faceOf } from "./faces.ts";
import { secure } from "./headers.ts";
import { limitHeaders } from "./limit.ts";
import { log, logFailure } from "./log.ts";
import { openapiRoutes } from "./openapi.ts";
import { countUnrouted } from "./operation.ts";
import { pageRoutes, serveAsset } from "./pages.ts";
import { refuseInvalid } from "./parameter-check.ts";
import { renderError, toApiError } from "./problem.ts";
import { RememberingRouter } from "./router.ts";
import { uptimeMs } from "./uptime.ts";

/** A request id of the caller's is kept when it can do no harm in a log. */
const REQUEST_ID = /^[A-Za-z0-9._-]{8,64}$/;
const USER_AGENT_MAX = 300;
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] as const;

export function createApp(services: Services, nouns: readonly ((app: App) => void)[]): App {
  const app: App = new OpenAPIHono<AppEnv>({
    router: new RememberingRouter(),
    defaultHook: (result) => refuseInvalid(result),
  });
  const fail = (c: Context<AppEnv>, error: unknown) => {
    const known = toApiError(error);
    logError(error, known, c.get("requestId"));
    return renderError(c.req.raw, faceOf(c.req.path), known, c.get("requestId"));
  };
  app.use("*", async (c, next) => {
    const started = Date.now();
    uptimeMs(started);
    const given = c.req.header("x-request-id") ?? "";
    const requestId = REQUEST_ID.test(given) ? given : newRequestId();
    c.set("requestId", requestId);
    try {
      enter(c, services, requestId);
      await next();
    } catch (error) {
      // What operations throw was rendered before it comes here.
      c.res = fail(c, error);
    }
    finish(c, requestId);
    logRequest(c, requestId, started);
  });
  for (const mount of [...nouns, openapiRoutes, pageRoutes]) mount(app);
  app.notFound((c) => unrouted(app, c));
  app.onError((error, c) => fail(c, error));
  return app;
}

/**
 * What handlers find on the context. What few ask for is found out when they ask, by functions: with an accessor each of
 * these objects had a shape of its own, and collecting those took as long as all else of a read. Throws `SettingsError`,
 * `invalid_request`.
 */
function enter(c: Context<AppEnv>, services: Services, requestId: string): void {
  const { env } = c;
  const request = c.req.raw;
  const settings = parseEnv(env);
  // The runtime makes the URL of what the Host header says, unchecked.
  if (!URL.canParse(request.url)) throw new ApiError("invalid_request", "The Host header is not valid");
  c.set("services", services);
  c.set("face", faceOf(c.req.path));
  c.set("ctx", {
    env,
    settings,
    db: databaseOf(env),
    actor: { kind: "anonymous" },
    requestId,
    ip: clientAddress(request, settings),
    userAgent: () => request.headers.get("user-agent")?.slice(0, USER_AGENT_MAX) ?? null,
    origin: () => publicOrigin(request, settings),
    now: Date.now,
    waitUntil: (promise) => c.executionCtx.waitUntil(promise),
  });
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
  await countUnrouted(c);
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
  // An upgrade's response must stay the object it is; one that has all its headers may.
  if (c.res === c.get("whole") || c.res.status === 101) return;
  const headers = named(c, requestId);
  for (const [name, value] of Object.entries(limitHeaders(c))) headers.set(name, value);
  const ctx = entered(c);
  secure(headers, () => ctx !== undefined && isHttps(c.req.raw, ctx.settings));
}

/** The reply's headers, made such that they can be changed, with the request's id. */
function named(c: Context<AppEnv>, requestId: string): Headers {
  try {
    c.res.headers.set("X-Request-Id", requestId);
  } catch {
    // What `fetch` and bindings return cannot be changed, and nothing but trying tells.
    const copy = new Response(c.res.body, c.res);
    copy.headers.set("X-Request-Id", requestId);
    // Without this Hono copies the old headers over the new ones.
    c.res = undefined;
    c.res = copy;
  }
  return c.res.headers;
}

/** Undefined for a request that was refused before it had a context. */
const entered = (c: Context<AppEnv>): Ctx | undefined => c.get("ctx");

/** Playback and files are too many to be worth a line each while they succeed. */
const QUIET = /^\/(assets\/|api\/stream\/[^/]+\/hls\/|api\/vod\/[^/]+\/|livez$|readyz$|health$)/;

function logRequest(c: Context<AppEnv>, requestId: string, started: number): void {
  const { status } = c.res;
  const ctx = entered(c);
  const { method } = c.req.raw;
  // What pages do every other second: a line costs as much as all else that is done for a request.
  const succeeds = status < 400 && (method === "GET" || method === "HEAD");
  if (succeeds && ctx?.settings.logReads !== true) return;
  if (status < 400 && QUIET.test(c.req.path)) return;
  const actor = ctx?.actor;
  log(succeeds ? "debug" : "info", `${method} ${c.req.path} ${status}`, {
    request_id: requestId,
    duration_ms: Date.now() - started,
    ...(actor && actor.kind !== "anonymous" && { actor: actor.kind }),
    ...(actor && "id" in actor && { actor_id: actor.id }),
  });
}
