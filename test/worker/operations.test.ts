/**
 * The operations that must exist, as documented by the faces. Each is routed, in `/openapi.json`, and documented with
 * its errors; and nothing is routed that is not documented. The list grows with the product.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { ERRORS, type ErrorCode } from "../../schema/contract/errors.ts";
import { app } from "../../workers/application.ts";
import { PAGES } from "../../workers/core/pages.ts";
import { type Document, readDocument } from "./openapi-document.ts";

/** Method, path, and the codes that its contract names; every operation answers `internal` and `unavailable` too. */
const OPERATIONS: [method: string, path: string, codes: ErrorCode[]][] = [
  [
    "post",
    "/api/token",
    ["bad_credentials", "totp_required", "totp_invalid", "invalid_request", "invalid_json", "rate_limited"],
  ],
  ["post", "/login", ["bad_credentials", "totp_invalid", "invalid_request", "cross_origin", "rate_limited"]],
  ["get", "/logout", ["cross_origin"]],
  ["post", "/api/register", ["invalid_request", "invalid_json", "bad_invite_code", "cross_origin", "rate_limited"]],
  ["get", "/api/invite-code", ["unauthenticated", "forbidden"]],
  [
    "post",
    "/api/admin/invite-codes",
    [
      "unauthenticated",
      "invalid_request",
      "invalid_json",
      "forbidden",
      "cross_origin",
      "idempotency_running",
      "idempotency_mismatch",
    ],
  ],
  [
    "delete",
    "/api/admin/invite-codes/{id}",
    ["unauthenticated", "invalid_request", "forbidden", "not_found", "cross_origin"],
  ],
  [
    "get",
    "/api/admin/invite-codes/{id}/registrations",
    ["unauthenticated", "invalid_request", "forbidden", "not_found"],
  ],
  ["get", "/api/me", ["unauthenticated"]],
  [
    "post",
    "/api/me/password",
    [
      "unauthenticated",
      "invalid_request",
      "invalid_json",
      "forbidden",
      "cross_origin",
      "bad_credentials",
      "rate_limited",
    ],
  ],
  ["put", "/api/me/status", ["unauthenticated", "invalid_request", "invalid_json", "forbidden", "cross_origin"]],
  ["put", "/api/me/nickname", ["unauthenticated", "invalid_request", "invalid_json", "forbidden", "cross_origin"]],
  ["put", "/api/me/avatar", ["unauthenticated", "invalid_request", "invalid_json", "forbidden", "cross_origin"]],
  ["put", "/api/me/anonymous", ["unauthenticated", "invalid_request", "invalid_json", "forbidden", "cross_origin"]],
  ["get", "/api/tokens", ["unauthenticated"]],
  [
    "post",
    "/api/token/revoke",
    ["unauthenticated", "invalid_request", "invalid_json", "forbidden", "cross_origin", "not_found"],
  ],
  ["get", "/api/api-keys", ["unauthenticated", "forbidden"]],
  [
    "post",
    "/api/api-keys",
    [
      "unauthenticated",
      "invalid_request",
      "invalid_json",
      "forbidden",
      "cross_origin",
      "idempotency_running",
      "idempotency_mismatch",
    ],
  ],
  [
    "post",
    "/api/api-keys/{id}/revoke",
    ["unauthenticated", "invalid_request", "forbidden", "not_found", "cross_origin"],
  ],
  ["delete", "/api/api-keys/{id}", ["unauthenticated", "invalid_request", "forbidden", "not_found", "cross_origin"]],
  ["get", "/api/user/2fa/status", ["unauthenticated", "forbidden"]],
  ["post", "/api/user/2fa/setup", ["unauthenticated", "forbidden", "cross_origin", "invalid_request"]],
  [
    "post",
    "/api/user/2fa/verify",
    ["unauthenticated", "forbidden", "cross_origin", "invalid_request", "invalid_json", "rate_limited"],
  ],
  [
    "post",
    "/api/user/2fa/disable",
    [
      "unauthenticated",
      "forbidden",
      "cross_origin",
      "invalid_request",
      "invalid_json",
      "totp_invalid",
      "bad_credentials",
      "rate_limited",
    ],
  ],
  ["get", "/api/ssh-keys", ["unauthenticated", "forbidden"]],
  ["post", "/api/ssh-keys", ["unauthenticated", "invalid_request", "invalid_json", "forbidden", "cross_origin"]],
  ["get", "/api/ssh-keys/authorized", ["unauthenticated", "invalid_request", "forbidden", "not_found"]],
  ["get", "/api/ssh-keys/all", ["unauthenticated", "forbidden"]],
  ["get", "/api/ssh-keys/{id}", ["unauthenticated", "invalid_request", "forbidden", "not_found"]],
  ["delete", "/api/ssh-keys/{id}", ["unauthenticated", "invalid_request", "forbidden", "not_found", "cross_origin"]],
  [
    "post",
    "/api/auth/login",
    ["bad_credentials", "totp_required", "totp_invalid", "invalid_request", "invalid_json", "rate_limited"],
  ],
  ["post", "/api/auth/refresh", ["unauthenticated", "rate_limited"]],
  ["get", "/api/v1/auth/config", []],
  ["post", "/api/v1/auth/signup", ["signup_disabled", "invalid_request", "invalid_json", "rate_limited"]],
  [
    "post",
    "/api/v1/auth/login",
    ["bad_credentials", "totp_required", "totp_invalid", "invalid_request", "invalid_json", "rate_limited"],
  ],
  ["post", "/api/v1/auth/magic-link", ["invalid_request", "invalid_json", "rate_limited"]],
  [
    "post",
    "/api/v1/auth/magic/verify",
    ["bad_credentials", "totp_required", "totp_invalid", "invalid_request", "invalid_json", "rate_limited"],
  ],
  ["get", "/api/v1/auth/me", ["unauthenticated"]],
  ["get", "/api/v1/auth/sessions", ["unauthenticated", "forbidden"]],
  ["delete", "/api/v1/auth/sessions", ["unauthenticated", "forbidden"]],
  ["delete", "/api/v1/auth/sessions/{id}", ["unauthenticated", "forbidden", "invalid_request", "not_found"]],
  ["get", "/api/v1/account", ["unauthenticated", "forbidden"]],
  [
    "patch",
    "/api/v1/account",
    ["unauthenticated", "forbidden", "invalid_request", "invalid_json", "precondition_failed"],
  ],
  [
    "post",
    "/api/v1/account/password",
    ["unauthenticated", "forbidden", "invalid_request", "invalid_json", "bad_credentials", "rate_limited"],
  ],
  ["post", "/api/v1/account/2fa/setup", ["unauthenticated", "forbidden", "invalid_request"]],
  ["post", "/api/v1/account/2fa/enable", ["unauthenticated", "forbidden", "invalid_request", "invalid_json"]],
  [
    "post",
    "/api/v1/account/2fa/disable",
    ["unauthenticated", "forbidden", "invalid_request", "invalid_json", "totp_invalid", "rate_limited"],
  ],
  ["get", "/api/v1/tokens", ["unauthenticated", "forbidden"]],
  [
    "post",
    "/api/v1/tokens",
    ["unauthenticated", "forbidden", "invalid_request", "invalid_json", "idempotency_running", "idempotency_mismatch"],
  ],
  ["delete", "/api/v1/tokens/{id}", ["unauthenticated", "forbidden", "invalid_request"]],
  ["get", "/api/users", ["unauthenticated", "invalid_request", "forbidden"]],
  [
    "post",
    "/api/users",
    [
      "unauthenticated",
      "invalid_request",
      "invalid_json",
      "forbidden",
      "cross_origin",
      "conflict",
      "idempotency_running",
      "idempotency_mismatch",
    ],
  ],
  [
    "put",
    "/api/users/{id}/role",
    ["unauthenticated", "invalid_request", "invalid_json", "forbidden", "cross_origin", "not_found", "conflict"],
  ],
  [
    "post",
    "/api/users/{id}/reset-password",
    ["unauthenticated", "invalid_request", "invalid_json", "forbidden", "cross_origin", "not_found"],
  ],
  ["delete", "/api/users/{id}", ["unauthenticated", "invalid_request", "forbidden", "not_found", "cross_origin"]],
  ["get", "/api/chat/users", ["unauthenticated", "invalid_request"]],
  ["get", "/api/users/blocked", ["unauthenticated"]],
  ["post", "/api/users/{id}/block", ["unauthenticated", "invalid_request", "not_found", "cross_origin"]],
  ["delete", "/api/users/{id}/block", ["unauthenticated", "invalid_request", "not_found", "cross_origin"]],
  ["get", "/api/stats/public", ["unauthenticated", "forbidden"]],
  ["get", "/api/activity", ["unauthenticated", "invalid_request"]],
  ["get", "/api/admin/audit-log", ["unauthenticated", "invalid_request", "forbidden"]],
  ["get", "/api/streams", ["unauthenticated"]],
  [
    "post",
    "/api/streams",
    [
      "unauthenticated",
      "invalid_request",
      "forbidden",
      "conflict",
      "cross_origin",
      "idempotency_running",
      "idempotency_mismatch",
    ],
  ],
  ["get", "/api/streams/public", ["unauthenticated", "invalid_request"]],
  ["get", "/api/streams/open", []],
  ["get", "/api/streams/{id}", ["unauthenticated", "invalid_request", "not_found"]],
  [
    "put",
    "/api/streams/{id}",
    ["unauthenticated", "invalid_request", "not_found", "conflict", "precondition_failed", "cross_origin"],
  ],
  ["delete", "/api/streams/{id}", ["unauthenticated", "invalid_request", "not_found", "cross_origin"]],
  ["post", "/api/streams/{id}/regenerate-key", ["unauthenticated", "invalid_request", "forbidden", "cross_origin"]],
  ["get", "/api/stream/{key}/info", ["bad_key"]],
  [
    "get",
    "/api/stream/{key}/hls/{path}",
    ["bad_key", "not_live", "upstream_failed", "unavailable", "upstream_timeout"],
  ],
  ["get", "/api/chat/channels", ["unauthenticated"]],
  [
    "post",
    "/api/chat/channels",
    [
      "unauthenticated",
      "invalid_request",
      "forbidden",
      "conflict",
      "cross_origin",
      "idempotency_running",
      "idempotency_mismatch",
    ],
  ],
  [
    "put",
    "/api/chat/channels/{id}",
    ["unauthenticated", "invalid_request", "forbidden", "not_found", "conflict", "cross_origin"],
  ],
  [
    "delete",
    "/api/chat/channels/{id}",
    ["unauthenticated", "invalid_request", "forbidden", "not_found", "cross_origin"],
  ],
  [
    "post",
    "/api/chat/channels/{id}/clear",
    ["unauthenticated", "invalid_request", "forbidden", "not_found", "cross_origin"],
  ],
  ["get", "/api/chat/thread/{id}", ["unauthenticated", "invalid_request", "forbidden", "not_found"]],
  ["get", "/ws/chat", ["invalid_request", "upgrade_required", "cross_origin", "rate_limited"]],
  ["get", "/api/library", ["unauthenticated", "invalid_request"]],
  ["get", "/api/library/{id}", ["unauthenticated", "invalid_request", "not_found"]],
  [
    "put",
    "/api/library/{id}",
    ["unauthenticated", "invalid_request", "invalid_json", "not_found", "precondition_failed", "cross_origin"],
  ],
  [
    "delete",
    "/api/library/{id}",
    ["unauthenticated", "invalid_request", "not_found", "still_recording", "cross_origin"],
  ],
  ["get", "/api/vod", ["invalid_request"]],
  ["get", "/api/vod/{public_id}", ["invalid_request", "not_found"]],
  ["get", "/api/vod/{public_id}/index.m3u8", ["invalid_request", "not_found"]],
  [
    "get",
    "/api/vod/{public_id}/parts/{file}",
    ["invalid_request", "not_found", "range_not_satisfiable", "storage_unavailable"],
  ],
  ["get", "/api/vod/{public_id}/thumbnail.jpg", ["invalid_request", "not_found", "storage_unavailable"]],
  ["get", "/api/vod/{public_id}/storyboard.jpg", ["invalid_request", "not_found", "storage_unavailable"]],
  ["get", "/health", []],
  ["get", "/livez", []],
  ["get", "/readyz", ["unavailable"]],
  ["get", "/openapi.json", []],
];

let document: Document;
beforeAll(async () => {
  document = await readDocument();
});

/** Hono's spelling of a path, in OpenAPI's. */
const template = (path: string) => path.replace(/:(\w+)(\{[^}]*\})?/g, "{$1}");

describe.each(OPERATIONS)("%s %s", (method, path, codes) => {
  const operation = () => document.paths[path]?.[method] ?? expect.fail("not in /openapi.json");

  test("is routed", () => {
    const routed = app.routes.some((route) => route.method === method.toUpperCase() && template(route.path) === path);
    expect(routed).toBe(true);
  });

  test("is documented: what it is for, who may call it, what it takes and returns", () => {
    const { responses, parameters = [], security } = operation();
    expect(Object.keys(responses).some((status) => status < "400")).toBe(true);
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    expect(parameters.filter(({ in: where }) => where === "path").map(({ name }) => name)).toEqual(inPath);
    const schemes = Object.keys(document.components.securitySchemes);
    for (const name of security.flatMap(Object.keys)) expect(schemes).toContain(name);
    if (codes.includes("unauthenticated")) expect(security.length).toBeGreaterThan(0);
  });

  test("is documented with each of its errors, in both forms", () => {
    for (const code of [...codes, "internal", "unavailable"] as const) {
      const response = operation().responses[String(ERRORS[code].status)];
      expect(response?.description, code).toContain(`\`${code}\``);
      expect(response?.content?.["application/json"]?.examples, code).toHaveProperty(code);
      expect(response?.content).toHaveProperty("application/problem+json");
      expect(response?.headers).toHaveProperty("X-Request-Id");
    }
  });
});

test("nothing is routed that is neither documented, nor a page, nor internal", () => {
  const pages = PAGES.map(({ path }) => template(path));
  const undocumented = app.routes
    .filter(({ method }) => method !== "ALL" && method !== "OPTIONS")
    .map(({ method, path }) => ({ method: method.toLowerCase(), path: template(path) }))
    .filter(({ path }) => !path.startsWith("/internal/"))
    .filter(({ method, path }) => !(method === "get" && pages.includes(path)))
    .filter(({ method, path }) => document.paths[path]?.[method] === undefined);
  expect(undocumented).toEqual([]);
});

test("nothing is documented that is not in this list", () => {
  const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  expect(documented.sort()).toEqual(OPERATIONS.map(([method, path]) => `${method} ${path}`).sort());
});
