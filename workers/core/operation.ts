/**
 * How a noun declares an operation: a route of `@hono/zod-openapi` that also says who may call it and which codes of
 * the catalogue it answers. Authentication, limits, body checks and the documentation of errors follow from that.
 */
import { createRoute, type RouteConfig, type RouteHandler } from "@hono/zod-openapi";
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { ERRORS, type ErrorCode } from "#contract/errors";
import type { AccountActor } from "#contract/identity";
import { type Admission, isInPerson } from "./admits.ts";
import type { App, AppEnv } from "./app-env.ts";
import { authenticate, refuseCrossOrigin } from "./authenticate.ts";
import { boundedBody } from "./body.ts";
import { tagged, tellingTag } from "./conditional.ts";
import type { Ctx } from "./context.ts";
import { ApiError } from "./errors.ts";
import { type CredentialForm, FACES, faceOf } from "./faces.ts";
import { IDEMPOTENCY_KEY_MAX, onlyOnce } from "./idempotency.ts";
import { count } from "./limit.ts";
import { countsFirst, isCounted, LIMITS, type LimitClass } from "./limit-classes.ts";
import { parameterCheck } from "./parameter-check.ts";
import { replyAtOnce } from "./reply.ts";

/**
 * `none`: credentials are not looked at. `optional`: they are, and without any the actor is anonymous. `user`: an
 * account is needed. `account`: the verb refuses a stream's key as well, which acts for that stream. `login`: none, but a browser must not be made to do it by another site. `asked`: they are looked at
 * by the handler, and only when nothing else decides. `token`: the handler needs a session's token, ended or not.
 */
type Access = "none" | "optional" | "user" | "account" | "login" | "asked" | "token";

/** Where no credential is looked at first, it is said whether calls are counted; elsewhere they are. */
type Limiting = { access: "optional" | "user" | "account"; limit?: LimitClass } | { access: Access; limit: LimitClass };

type Spec = Omit<RouteConfig, "middleware" | "security" | "parameters"> &
  Limiting & {
    operationId: string;
    /** What it answers to whom: the access matrix holds it to that. */
    admits: Admission;
    /** Beyond those that follow from the rest of the declaration. */
    errors: readonly ErrorCode[];
    /** The path parameter that takes the rest of the path, slashes included. */
    rest?: string;
    /**
     * Pages of other sites may read the reply, errors included, and ask for ranges. Browsers keep from them what a cookie
     * was sent with, so this opens nothing that a cookie authorises.
     */
    anyOrigin?: boolean;
    /** Of a `GET`: the reply has a tag, and `If-None-Match` is honoured. The handler says the settings' tag, if there are any. */
    etag?: boolean;
    /** Of an edit, after the `GET` whose tag it compares: the handler hands `If-Match` to its verb. */
    ifMatch?: boolean;
    /** Of a `POST` that makes something, for accounts: `Idempotency-Key` is honoured. */
    idempotent?: boolean;
  };

type Answering = (c: Context<AppEnv>) => Promise<Response>;
/** Of each path the handler whose replies have a tag. */
const tagging = new WeakMap<App, Map<string, Answering>>();

const admissions = new WeakMap<App, Map<string, Admission>>();

/** What the operations of `app` answer to whom, by their ids. */
export const admissionsOf = (app: App): ReadonlyMap<string, Admission> => admissions.get(app) ?? new Map();

/** Declares the operation on `app`. Handlers are parse → verb → reply; they throw `ApiError`. */
export function operation<const S extends Spec>(app: App, spec: S, handler: RouteHandler<S, AppEnv>): void {
  const { access, admits, errors, limit, rest, anyOrigin, etag, ifMatch, idempotent, ...route } = spec;
  const documented = createRoute({
    ...route,
    parameters: headerParameters(spec),
    security: security(spec),
    responses: { ...successes(spec), ...failures(spec) },
  });
  if (!route.hide) app.openAPIRegistry.registerPath(documented);
  const known = admissions.get(app) ?? new Map<string, Admission>();
  admissions.set(app, known.set(route.operationId, admits));
  const path = rest === undefined ? route.path : route.path.replace(`{${rest}}`, `{${rest}{.+}}`);
  const { params: _, query: __, ...request } = route.request ?? {};
  const admit = admission(spec);
  // The handler was checked against `S`; what is routed differs from it only in what is done elsewhere at run time.
  const answer = handler as unknown as Answering;
  const readers = tagging.get(app) ?? new Map<string, Answering>();
  if (etag) tagging.set(app, readers.set(route.path, answer));
  const steps = middleware(spec, admit, readers.get(route.path));
  const routed: RouteConfig = { ...route, path, request, middleware: steps ?? [], hide: true };
  if (anyOrigin) app.options(createRoute(routed).getRoutingPath(), preflight);
  const alone: Answering = async (c) => {
    await admit(c);
    replyAtOnce(c);
    return answer(c);
  };
  app.openapi(routed, steps ? answer : alone);
}

/** The account that a `user` operation runs for. Throws `forbidden` for a token of the apps face, `unauthenticated`. */
export function accountOf(ctx: Ctx): AccountActor {
  switch (ctx.actor.kind) {
    case "user":
    case "api_key":
    case "stream_key":
      return ctx.actor;
    case "app_token":
      throw new ApiError("forbidden", "A token is nobody's account: sign in");
    case "media_worker":
    case "system":
    case "anonymous":
      throw new ApiError("unauthenticated");
  }
}

/** Null when there is nothing to do but admit: a step less for most that is read. */
function middleware(spec: Spec, admit: Admit, read: Answering | undefined) {
  const { request, anyOrigin, etag, ifMatch, idempotent, operationId } = spec;
  if (ifMatch && !read) throw new Error(`${operationId} compares the tag of nothing that is read`);
  const body = request?.body?.content;
  if (!body && !anyOrigin && !etag && !ifMatch && !idempotent) return null;
  return [
    ...(anyOrigin ? [shared] : []),
    createMiddleware<AppEnv>(async (c, next) => {
      await admit(c);
      await next();
    }),
    ...(body ? [boundedBody({ form: "application/x-www-form-urlencoded" in body })] : []),
    ...(etag ? [tagged] : []),
    ...(ifMatch && read ? [tellingTag(read)] : []),
    ...(idempotent ? [onlyOnce(operationId)] : []),
  ];
}

/** A range is asked about beforehand by older browsers, a condition by all. */
const preflight = () =>
  new Response(null, {
    status: 204,
    headers: {
      Allow: "GET, HEAD, OPTIONS",
      "Access-Control-Allow-Origin": "*",
      "Access-Control-Allow-Methods": "GET, HEAD",
      "Access-Control-Allow-Headers": "Authorization, If-None-Match, If-Range, Range",
      "Access-Control-Max-Age": "86400",
    },
  });

const shared = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  c.header("Access-Control-Allow-Origin", "*");
});

const needsAccount = ({ access }: Spec) => access === "user" || access === "account";
const isRead = ({ method }: Spec) => method === "get" || method === "head";

/** The class that counts the calls of an operation, or null. */
function counted(spec: Spec): Exclude<LimitClass, "none"> | null {
  const { limit = "general", path } = spec;
  return isCounted(faceOf(path), limit, isRead(spec)) ? limit : null;
}

type Admit = (c: Context<AppEnv>) => Promise<void>;

/**
 * Who calls, how often, and whether the parameters make sense. A call is counted as soon as it is known whose it is; one
 * without a credential that holds is its address's.
 */
function admission(spec: Spec): Admit {
  const { access } = spec;
  const limit = counted(spec);
  const reads = isRead(spec);
  const first = limit !== null && countsFirst(limit);
  const needs = needsAccount(spec);
  const authenticates = access === "optional" || needs;
  const check = parameterCheck(spec.request ?? {});
  return async (c) => {
    if (first) await count(c, limit, reads);
    if (access === "login") refuseCrossOrigin(c);
    const later = first ? null : limit;
    if (authenticates) await identify(c, later, reads);
    else if (later !== null) await count(c, later, reads);
    if (needs && c.get("ctx").actor.kind === "anonymous") throw new ApiError("unauthenticated");
    check(c);
  };
}

async function identify(c: Context<AppEnv>, limit: Exclude<LimitClass, "none"> | null, reads: boolean): Promise<void> {
  try {
    c.get("ctx").actor = await authenticate(c, c.get("services").authenticators);
  } finally {
    if (limit !== null) await count(c, limit, reads);
  }
}

/** What no operation answers is counted as a call of the API all the same. Throws `rate_limited`, `cross_origin`. */
export async function countUnrouted(c: Context<AppEnv>): Promise<void> {
  const reads = ["GET", "HEAD", "OPTIONS"].includes(c.req.raw.method);
  const isApi = c.req.path.startsWith("/api/");
  if (isApi && isCounted(c.get("face"), "general", reads)) await identify(c, "general", reads);
}

type Requirement = Record<string, string[]>;
/** The schemes of `/openapi.json` that a credential is documented by. */
const SCHEMES: Record<CredentialForm, string[]> = {
  bearer: ["bearer"],
  api_key: ["api_key", "api_key_header"],
  app_token: ["app_token"],
  stream_key: ["stream_key", "stream_key_header"],
  query_token: ["query_token"],
  cookie: ["cookie"],
};
const NONE: ReadonlySet<CredentialForm> = new Set();
const STREAM_KEY: ReadonlySet<CredentialForm> = new Set(["stream_key"]);
const KEYS: ReadonlySet<CredentialForm> = new Set(["api_key", "app_token", "stream_key"]);

function security(spec: Spec): Requirement[] {
  const { access, admits, path } = spec;
  if (access === "none" || access === "login") return [];
  if (access === "token") return [{ bearer: [] }];
  const taken: readonly CredentialForm[] = FACES[faceOf(path)].credentials;
  const refused = isInPerson(admits) ? KEYS : access === "account" ? STREAM_KEY : NONE;
  const forms = taken.filter((form) => !refused.has(form)).flatMap((form) => SCHEMES[form]);
  const required = forms.map((name): Requirement => ({ [name]: [] }));
  return needsAccount(spec) ? required : [...required, {}];
}

const header = (name: string) => ({ $ref: `#/components/headers/${name}` });
const LIMIT_HEADERS = {
  x: {
    "X-RateLimit-Limit": header("RateLimitLimit"),
    "X-RateLimit-Remaining": header("RateLimitRemaining"),
    "X-RateLimit-Reset": header("RateLimitReset"),
  },
  ietf: { RateLimit: header("RateLimit"), "RateLimit-Policy": header("RateLimitPolicy") },
};

/** What a request may say in headers, beyond who asks. */
function headerParameters({ etag, ifMatch, idempotent }: Spec): NonNullable<RouteConfig["parameters"]> {
  const given: [applies: boolean | undefined, name: string, description: string, maxLength?: number][] = [
    [etag, "If-None-Match", "`ETag`s of what is known already, or `*`: 304 while one of them is still right"],
    [
      ifMatch,
      "If-Match",
      "`ETag`s that were read, or `*`: 412 when what this changes was changed since. What changes by itself, such as " +
        "the viewers of a stream, does not count.",
    ],
    [
      idempotent,
      "Idempotency-Key",
      "Printable ASCII, of your choice. Sent again with it within a day, the same request makes nothing and is answered " +
        "as the first was, with `Idempotency-Replayed: true`: 409 while that still runs, 422 when the requests differ, " +
        "403 for a credential that is worth less. A key whose request failed is free again. Should a server die during " +
        "the first request, one that is sent a minute later is a first one.",
      IDEMPOTENCY_KEY_MAX,
    ],
  ];
  return given.flatMap(([applies, name, description, maxLength]) =>
    applies
      ? [{ name, in: "header", required: false, description, schema: { type: "string", minLength: 1, maxLength } }]
      : [],
  );
}

const UNCHANGED: RouteConfig["responses"][string] = { description: "What `If-None-Match` names is still right" };

/** Of every reply that was counted, whatever it says. */
const limitHeaders = (spec: Spec) => (counted(spec) ? LIMIT_HEADERS[LIMITS[faceOf(spec.path)].headers] : {});

function successes(spec: Spec): RouteConfig["responses"] {
  const { responses, etag, idempotent } = spec;
  return Object.fromEntries(
    Object.entries({ ...responses, ...(etag && { 304: UNCHANGED }) }).map(([status, response]) => [
      status,
      {
        ...response,
        headers: {
          "X-Request-Id": header("RequestId"),
          ...limitHeaders(spec),
          ...(etag && { ETag: header("ETag") }),
          ...(idempotent && { "Idempotency-Replayed": header("IdempotencyReplayed") }),
          ...("headers" in response && response.headers),
        },
      },
    ]),
  );
}

/** The codes an operation answers: those it names and those that its declaration implies. */
function errorCodes(spec: Spec): ErrorCode[] {
  const { access, errors, request, ifMatch, idempotent } = spec;
  const forms: readonly CredentialForm[] = FACES[faceOf(spec.path)].credentials;
  const implied: [applies: boolean, codes: ErrorCode[]][] = [
    [request !== undefined, ["invalid_request"]],
    [request?.body !== undefined, ["invalid_json", "body_too_large", "unsupported_media_type"]],
    [needsAccount(spec) || access === "token", ["unauthenticated"]],
    [access === "account", ["forbidden"]],
    [access !== "none" && !isRead(spec) && forms.includes("cookie"), ["cross_origin"]],
    [counted(spec) !== null, ["rate_limited"]],
    [ifMatch === true, ["precondition_failed"]],
    [idempotent === true, ["forbidden", "idempotency_running", "idempotency_mismatch"]],
    [true, ["internal", "unavailable"]],
  ];
  return [...new Set([...errors, ...implied.flatMap(([applies, codes]) => (applies ? codes : []))])];
}

function failures(spec: Spec): RouteConfig["responses"] {
  const { errorBody, errorSchema } = FACES[faceOf(spec.path)];
  const byStatus = Map.groupBy(errorCodes(spec), (code) => ERRORS[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => {
      const example = (code: ErrorCode) =>
        errorBody({ code, status, message: ERRORS[code].message, request_id: EXAMPLE_REQUEST_ID, details: [] });
      return [
        status,
        {
          description: codes.map((code) => `\`${code}\`: ${ERRORS[code].message}`).join(". "),
          headers: {
            "X-Request-Id": header("RequestId"),
            ...limitHeaders(spec),
            ...(status === 412 && { ETag: header("ETag") }),
            ...((status === 429 || codes.includes("idempotency_running")) && { "Retry-After": header("RetryAfter") }),
          },
          content: {
            "application/json": {
              schema: errorSchema,
              examples: Object.fromEntries(codes.map((code) => [code, { value: example(code) }])),
            },
            "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } },
          },
        },
      ];
    }),
  );
}

const EXAMPLE_REQUEST_ID = "0b0f6d5e-6f4c-4d0e-9d0e-5a0c0f9f4a51";
