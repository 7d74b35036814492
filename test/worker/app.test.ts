/** What surrounds every request: ids, headers, methods, errors, pages. */

import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { exports } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { Health } from "../../schema/contract/admin.ts";
import { app } from "../../workers/application.ts";
import type { Env } from "../../workers/core/env.ts";
import { logFailure } from "../../workers/core/log.ts";
import { PAGES } from "../../workers/core/pages.ts";
import { bindings, call, logged, newStream, newUser } from "./client.ts";

let token = "";
let publicKey = "";
beforeAll(async () => {
  token = (await newUser()).token;
  publicKey = (await newStream(token)).public_key;
});

/** The application on other bindings. */
async function withEnv(
  changes: Partial<Record<keyof Env, unknown>>,
  path: string,
  headers: Record<string, string> = {},
) {
  const execution = createExecutionContext();
  const request = new Request(`http://sluice.test${path}`, { headers });
  const response = await app.fetch(request, { ...bindings, ...changes } as Env, execution);
  await waitOnExecutionContext(execution);
  return response;
}

const FILES: Record<string, { type: string; body: string }> = {
  "/index.html": { type: "text/html; charset=utf-8", body: "<!doctype html><title>app</title>" },
  "/embed.html": { type: "text/html; charset=utf-8", body: "<!doctype html><title>embed</title>" },
  "/embed-vod.html": { type: "text/html; charset=utf-8", body: "<!doctype html><title>embed-vod</title>" },
  "/docs.html": { type: "text/html; charset=utf-8", body: "<!doctype html><title>docs</title>" },
  "/assets/app-4f3c2b1a.js": { type: "text/javascript", body: "1" },
  "/favicon.svg": { type: "image/svg+xml", body: "<svg/>" },
};
const ASSETS = {
  async fetch(request: Request) {
    const file = FILES[new URL(request.url).pathname];
    if (!file) return new Response("no", { status: 404 });
    if (request.headers.get("if-none-match") === '"1"')
      return new Response(null, { status: 304, headers: { etag: '"1"' } });
    return new Response(file.body, { headers: { "content-type": file.type, etag: '"1"' } });
  },
};

describe("every response", () => {
  test.each(["/health", "/api/streams/open", "/api/me", "/nope", "/api/nope", "/openapi.json"])(
    "%s has a request id and says what browsers may do with it",
    async (path) => {
      const { headers } = await call("GET", path);
      expect(headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("referrer-policy")).toBe("strict-origin-when-cross-origin");
      expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
      expect(headers.get("access-control-allow-origin")).toBeNull();
      expect(headers.get("cache-control")).toBe(path === "/openapi.json" ? "no-cache" : "no-store");
    },
  );

  test("a caller's request id comes back, in the body of an error too, unless it could do harm", async () => {
    const { headers, body } = await call("GET", "/api/me", { headers: { "x-request-id": "trace-1234.5678" } });
    expect([headers.get("x-request-id"), body.request_id]).toEqual(["trace-1234.5678", "trace-1234.5678"]);
    for (const id of ["short", "x".repeat(65), 'a"b"c"d"e"', "with space in it"]) {
      expect((await call("GET", "/livez", { headers: { "x-request-id": id } })).headers.get("x-request-id")).not.toBe(
        id,
      );
    }
  });
});

describe("methods", () => {
  test("HEAD is GET without a body, of operations and of pages", async () => {
    const { status, text, headers } = await call("HEAD", "/health");
    expect([status, text, headers.get("content-type")]).toEqual([200, "", "application/json"]);
    expect((await call("HEAD", "/api/me")).status).toBe(401);
    expect((await call("HEAD", "/nope")).status).toBe(404);
  });

  test.each([
    ["POST", "/health", "GET, HEAD, OPTIONS"],
    ["PATCH", "/api/streams/1", "GET, HEAD, PUT, DELETE, OPTIONS"],
    ["DELETE", "/api/streams", "GET, HEAD, POST, OPTIONS"],
    ["GET", "/api/token", "POST, OPTIONS"],
    ["HEAD", "/api/token", "POST, OPTIONS"],
    ["PUT", "/login", "GET, HEAD, POST, OPTIONS"],
    ["PROPFIND", "/api/me", "GET, HEAD, OPTIONS"],
  ])("%s %s is 405 and says what is allowed", async (method, path, allow) => {
    const { status, headers, body } = await call(method, path);
    expect([status, headers.get("allow")]).toEqual([405, allow]);
    if (method !== "HEAD") expect(body.status).toBe(405);
  });

  test("OPTIONS says what is allowed, and lets no other site do it", async () => {
    const { status, headers, text } = await call("OPTIONS", "/api/streams", {
      headers: { origin: "https://evil.example", "access-control-request-method": "POST" },
    });
    expect([status, text, headers.get("allow")]).toEqual([204, "", "GET, HEAD, POST, OPTIONS"]);
    expect(headers.get("access-control-allow-origin")).toBeNull();
    expect((await call("OPTIONS", "/nope")).status).toBe(404);
  });
});

describe("errors", () => {
  test("are the face's body, or RFC 9457 for who asks", async () => {
    expect((await call("GET", "/api/nope")).body).toEqual({
      error: "Not found",
      status: 404,
      request_id: expect.any(String),
    });
    const { headers, body } = await call("GET", "/api/nope", { headers: { accept: "application/problem+json" } });
    expect(headers.get("content-type")).toBe("application/problem+json");
    expect(body).toEqual({
      type: "about:blank",
      title: "Not found",
      status: 404,
      detail: "Not found",
      code: "not_found",
      request_id: headers.get("x-request-id"),
    });
  });

  test("under /api are JSON whatever Accept says; elsewhere HTML for who asks for it", async () => {
    const headers = { accept: "text/html,application/xhtml+xml" };
    for (const path of ["/api/nope", "/api/", "/api/me"]) {
      expect((await call("GET", path, { headers })).headers.get("content-type")).toBe("application/json");
    }
    const page = await call("GET", "/nope", { headers });
    expect([page.status, page.headers.get("content-type")]).toEqual([404, "text/html; charset=utf-8"]);
    expect(page.text).not.toContain("<script");
    expect((await call("GET", "/nope")).headers.get("content-type")).toBe("application/json");
  });

  test("a failure of ours says nothing of itself, but in the log, under the same request id", async () => {
    const errors = logged("error");
    const broken = {
      prepare() {
        throw new Error("secret detail at /home/x");
      },
      withSession() {
        throw new Error("secret detail");
      },
    };
    const response = await withEnv({ DB: broken }, "/api/streams/open");
    expect(response.status).toBe(500);
    const text = await response.text();
    expect(text).not.toContain("secret detail");
    const body = JSON.parse(text);
    expect(body).toMatchObject({ error: "Internal error", status: 500 });
    expect(errors).toHaveLength(1);
    expect(JSON.parse(errors[0] ?? "")).toMatchObject({
      level: "error",
      request_id: body.request_id,
      error: expect.stringContaining("secret detail"),
    });
  });

  test("the values of a query that failed are not logged", async () => {
    const errors = logged("error");
    const query = new Error('Failed query: insert into "users" values (?, ?)\nparams: ada,$argon2id$x\nover\nlines');
    logFailure("request failed", new Error("failed", { cause: query }));
    logFailure("request failed", query);
    expect(errors).toHaveLength(2);
    for (const line of errors) {
      expect(line).toContain("Failed query: insert into");
      expect(line).not.toMatch(/argon2id|over|lines/);
    }
    expect(JSON.parse(errors[1] ?? "").stack).toContain("\n    at ");
  });

  test.each(["*/*", "text/html"])(
    "a Host header that is no host is the client's fault (accepts %s)",
    async (accept) => {
      const request = new Request("http://sluice.test/livez", { headers: { accept } });
      Object.defineProperty(request, "url", { value: "http://a b/livez" });
      const response = await app.fetch(request, bindings, createExecutionContext());
      expect([response.status, await response.json()]).toMatchObject([400, { error: "The Host header is not valid" }]);
    },
  );

  test("an overloaded database is 503 with Retry-After", async () => {
    const busy = {
      prepare() {
        throw new Error("D1_ERROR: D1 DB is overloaded. Requests queued for too long.");
      },
    };
    const warnings = logged("warn");
    const response = await withEnv({ DB: busy }, "/api/streams/open");
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(warnings).toHaveLength(1);
  });

  test.each([{ SLUICE_SECRET: "short" }, { SLUICE_SECRET: undefined }, { LIVE_STREAM: undefined }] as Record<
    string,
    unknown
  >[])("with wrong settings nothing runs, and the log names them: %j", async (changes) => {
    const errors = logged("error");
    for (const path of ["/", "/health", "/livez", "/api/streams/open", "/nope"]) {
      const response = await withEnv(changes, path);
      expect(response.status).toBe(500);
      expect(response.headers.get("x-request-id")).toBeTruthy();
      expect(await response.text()).not.toContain("SLUICE_SECRET");
    }
    expect(errors).toHaveLength(5);
    for (const line of errors) expect(line).toContain(`${Object.keys(changes)[0]}: `);
  });

  test.each([
    "/%",
    "/%zz",
    "/%c0%ae%c0%ae/",
    "/..%2f..%2fetc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/..%5c..%5cwindows",
    "//evil.example/",
    "/api/streams/%F0%9F%8E%AC",
    "/api/stream/%00/info",
    `/${"a".repeat(4096)}`,
    "/api//streams",
    "/api/streams/",
    "/.env",
    "/.git/config",
    "/index.html",
    "/docs.html",
    "/wrangler.toml",
    "/assets/../../package.json",
    "/__proto__",
    "/constructor",
    "/?__proto__=1",
  ])("%s is a clear answer", async (path) => {
    const { status } = await call("GET", path);
    expect([200, 400, 401, 403, 404]).toContain(status);
  });
});

test("players on other sites may read why playback fails; nothing else is theirs to read", async () => {
  const refused = await call("GET", "/api/stream/pub_wrong/hls/index.m3u8", {
    headers: { origin: "https://site.example" },
  });
  expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([403, "*"]);
  expect(refused.headers.get("access-control-allow-credentials")).toBeNull();
  const info = await call("GET", `/api/stream/${publicKey}/info`, { headers: { origin: "https://site.example" } });
  expect(info.headers.get("access-control-allow-origin")).toBeNull();
});

describe("pages", () => {
  test.each(
    PAGES.map(
      ({ path, file, framing }) =>
        [path.replace(":id", "1").replace(":key", publicKey || "pub_x"), file, framing] as const,
    ),
  )("%s is %s, framed by %s", async (path, file, framing) => {
    const response = await withEnv({ ASSETS }, path, { accept: "text/html" });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(FILES[`/${file}`]?.body);
    const policy = response.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("script-src 'self';");
    expect(policy).not.toMatch(/script-src[^;]*unsafe/);
    expect(policy).toContain(framing === "nobody" ? "frame-ancestors 'none'" : "frame-ancestors *");
    expect(response.headers.get("x-frame-options")).toBe(framing === "nobody" ? "DENY" : null);
    expect(response.headers.get("cache-control")).toBe("no-cache");
    expect(response.headers.get("permissions-policy")).toContain("camera=()");
    expect(response.headers.get("strict-transport-security")).toBeNull();
  });

  test("with direct playback the player may reach media workers", async () => {
    const policy = async (PLAYBACK: string) =>
      (await withEnv({ ASSETS, PLAYBACK }, "/watch/1")).headers.get("content-security-policy");
    expect(await policy("edge")).toContain("connect-src 'self';");
    expect(await policy("direct")).toContain("connect-src 'self' http: https:;");
  });

  test("files: hashed names for a year, others checked each time, pages only by their paths", async () => {
    const hashed = await withEnv({ ASSETS }, "/assets/app-4f3c2b1a.js");
    expect([hashed.status, hashed.headers.get("cache-control")]).toEqual([200, "public, max-age=31536000, immutable"]);
    const icon = await withEnv({ ASSETS }, "/favicon.svg");
    expect([icon.status, icon.headers.get("cache-control")]).toEqual([200, "no-cache"]);
    expect((await withEnv({ ASSETS }, "/favicon.svg", { "if-none-match": '"1"' })).status).toBe(304);
    for (const path of ["/index.html", "/assets/missing.js", "/api/favicon.svg"]) {
      expect((await withEnv({ ASSETS }, path)).status).toBe(404);
    }
  });

  test("over HTTPS pages say so for a year, for this host only", async () => {
    const headers = { "x-forwarded-proto": "https" };
    const trusted = await withEnv({ ASSETS, SLUICE_TRUST_PROXY: "1" }, "/", headers);
    expect(trusted.headers.get("strict-transport-security")).toBe("max-age=31536000");
    expect(
      (await withEnv({ ASSETS, SLUICE_TRUST_PROXY: "0" }, "/", headers)).headers.get("strict-transport-security"),
    ).toBeNull();
    expect(
      (await withEnv({ SLUICE_TRUST_PROXY: "1" }, "/health", headers)).headers.get("strict-transport-security"),
    ).toBeNull();
  });
});

describe("health", () => {
  test("is open and counts, without a name in it", async () => {
    const { status, body } = await call("GET", "/health");
    expect(status).toBe(200);
    expect(Health.parse(body)).toEqual(body);
    expect(body).toMatchObject({ status: "healthy", active_streams: 0, active_clients: 0, connections: 0 });
  });

  test("says degraded, and not ready, when the database is away; it still lives", async () => {
    logged("warn");
    const errors = logged("error");
    const away = {
      prepare() {
        throw new Error("gone");
      },
    };
    const health = await withEnv({ DB: away }, "/health");
    expect([health.status, ((await health.json()) as Health).status]).toEqual([200, "degraded"]);
    expect((await withEnv({ DB: away }, "/readyz")).status).toBe(503);
    expect((await withEnv({ DB: away }, "/livez")).status).toBe(200);
    expect((await call("GET", "/readyz")).body).toEqual({ status: "ok" });
    expect(errors).toHaveLength(1);
  });
});

test("absolute URLs name the public address, whatever Host a caller sends", async () => {
  const path = `/api/stream/${publicKey}/info`;
  const Playback = z.object({ playback: z.object({ hls: z.string() }) });
  const hls = async (changes: Partial<Record<keyof Env, unknown>>, headers: Record<string, string> = {}) =>
    Playback.parse(await (await withEnv(changes, path, headers)).json()).playback.hls;
  expect(await hls({ SLUICE_PUBLIC_URL: "https://live.example.com/" }, { "x-forwarded-host": "evil.example" })).toBe(
    `https://live.example.com/api/stream/${publicKey}/hls/index.m3u8`,
  );
  expect(
    await hls({ SLUICE_PUBLIC_URL: "", SMTP_URL: "", MAIL_FROM: "" }, { "x-forwarded-host": "evil.example" }),
  ).toMatch(/^http:\/\/sluice\.test\//);
});

test("the entry exports handlers and object classes, nothing else", () => {
  const names = Object.keys(exports).filter((name) => !name.startsWith("__VITEST"));
  expect(names.sort()).toEqual([
    "ChatGateway",
    "ChatRoom",
    "LiveStream",
    "MediaCache",
    "MediaNode",
    "RateLimiter",
    "default",
  ]);
});
