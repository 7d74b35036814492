/** Which face a path belongs to, what counts as a credential there, and how it says that something failed. */
import { describe, expect, test } from "vitest";
import { hashKey, newKey } from "../../schema/kit/keys.ts";
import { api_keys, app_tokens } from "../../schema/tables/identity.ts";
import { ApiError } from "../../workers/core/errors.ts";
import { FACES, faceOf } from "../../workers/core/faces.ts";
import { renderError } from "../../workers/core/problem.ts";
import { call, db, newUser } from "./client.ts";

describe("the face of a path", () => {
  test.each([
    ["/api/v1", "apps"],
    ["/api/v1/auth/login", "apps"],
    ["/api/v1/apps/live/tokens", "apps"],
    ["/api/v10", "portal"],
    ["/api/auth/login", "recorder"],
    ["/api/auth/platforms/youtube/cookies", "recorder"],
    ["/api/channels", "recorder"],
    ["/api/channels/ch_abc123/check", "recorder"],
    ["/api/recordings", "recorder"],
    ["/api/recordings/active", "recorder"],
    ["/api/storage", "recorder"],
    ["/api/storage/cleanup", "recorder"],
    ["/api/settings", "recorder"],
    ["/api/health", "recorder"],
    ["/api/logs", "recorder"],
    ["/api/system/dependencies", "recorder"],
    ["/api/shutdown", "recorder"],
    ["/api/ws", "recorder"],
    ["/api/settings/hostname", "portal"],
    ["/api/settings/permissions", "portal"],
    ["/api/logs/files", "portal"],
    ["/api/system/health", "portal"],
    ["/api/chat/channels", "portal"],
    ["/api/token", "portal"],
    ["/api/authority", "portal"],
    ["/api/channelsx", "portal"],
    ["/login", "portal"],
    ["/ws/chat", "portal"],
    ["/", "portal"],
  ])("%s is of the %s face", (path, face) => {
    expect(faceOf(path)).toBe(face);
  });
});

const id = expect.stringMatching(/^[0-9a-f-]{36}$/);

describe("what is not there", () => {
  test.each([
    ["/api/nothing", { error: "Not found", status: 404, request_id: id }],
    ["/api/v1/nothing", { statusCode: 404, message: "Not found", error: "Not Found", request_id: id }],
    ["/api/v1", { statusCode: 404, message: "Not found", error: "Not Found", request_id: id }],
    ["/api/auth/nothing", { error: { code: "NOT_FOUND", message: "Not found" }, request_id: id }],
    ["/api/recordings/rec_1", { error: { code: "NOT_FOUND", message: "Not found" }, request_id: id }],
  ])("%s is 404 in the words of its face, whatever is accepted", async (path, body) => {
    for (const accept of ["*/*", "text/html", "application/json"]) {
      const reply = await call("GET", path, { headers: { accept } });
      expect([reply.status, reply.body]).toEqual([404, body]);
    }
  });

  test.each([
    ["/api/token", { error: "GET is not allowed here", status: 405, request_id: id }],
    ["/api/v1/auth/login", { statusCode: 405, message: "GET is not allowed here", error: "Method Not Allowed" }],
    ["/api/auth/login", { error: { code: "METHOD_NOT_ALLOWED", message: "GET is not allowed here" }, request_id: id }],
  ])("GET %s is 405", async (path, body) => {
    const reply = await call("GET", path);
    expect(reply.status).toBe(405);
    expect(reply.body).toMatchObject(body);
    expect(reply.headers.get("allow")).toBe("POST, OPTIONS");
  });
});

describe("a bad request", () => {
  test("the portal says it in a sentence", async () => {
    const { status, body } = await call("POST", "/api/token", { body: { username: "ada" } });
    expect([status, body]).toEqual([400, { error: "password is required", status: 400, request_id: id }]);
  });

  test("the apps face lists all that is wrong", async () => {
    const { status, body } = await call("POST", "/api/v1/auth/login", { body: {} });
    expect([status, body]).toEqual([
      400,
      {
        statusCode: 400,
        message: ["user is required", "password is required"],
        error: "Bad Request",
        request_id: id,
      },
    ]);
  });

  test("the apps face says in a sentence what is wrong with an address", async () => {
    const { token } = await newUser("admin");
    for (const [method, path] of [
      ["DELETE", "/api/v1/tokens/none"],
      ["DELETE", `/api/v1/auth/sessions/${"x".repeat(65)}`],
    ] as const) {
      const { status, body } = await call(method, path, { token });
      expect([status, body]).toEqual([
        400,
        { statusCode: 400, message: expect.stringMatching(/^id must be /), error: "Bad Request", request_id: id },
      ]);
    }
    const problem = await call("DELETE", "/api/v1/tokens/none", {
      token,
      headers: { accept: "application/problem+json" },
    });
    expect(problem.body.errors).toEqual([{ field: "id", message: "must be a number", in: "path" }]);
  });

  test("the recorder has a code for it", async () => {
    const { status, body } = await call("POST", "/api/auth/login", { body: { username: "ada" } });
    expect([status, body]).toEqual([
      400,
      { error: { code: "VALIDATION_ERROR", message: "password is required" }, request_id: id },
    ]);
  });

  test.each(["/api/token", "/api/v1/auth/login", "/api/auth/login"])(
    "%s speaks RFC 9457 to whoever asks",
    async (path) => {
      const { headers, body } = await call("POST", path, { body: {}, headers: { accept: "application/problem+json" } });
      expect(headers.get("content-type")).toBe("application/problem+json");
      expect(body).toMatchObject({ type: "about:blank", status: 400, code: "invalid_request", request_id: id });
      expect(body.errors.length).toBeGreaterThan(0);
    },
  );
});

describe("every code of the catalogue", () => {
  const rendered = async (face: keyof typeof FACES, error: ApiError) =>
    renderError(new Request("http://sluice.test/api/x"), face, error, "0b0f6d5e-0000").json();

  test("the recorder's documented codes", async () => {
    const code = async (error: ApiError) =>
      ((await rendered("recorder", error)) as { error: { code: string } }).error.code;
    expect(await code(new ApiError("unauthenticated"))).toBe("UNAUTHORIZED");
    expect(await code(new ApiError("totp_required"))).toBe("UNAUTHORIZED");
    expect(await code(new ApiError("forbidden"))).toBe("FORBIDDEN");
    expect(await code(new ApiError("not_found"))).toBe("NOT_FOUND");
    expect(await code(new ApiError("invalid_json"))).toBe("VALIDATION_ERROR");
    expect(await code(new ApiError("conflict"))).toBe("CONFLICT");
    expect(await code(new ApiError("rate_limited"))).toBe("RATE_LIMITED");
    expect(await code(new ApiError("internal"))).toBe("INTERNAL_ERROR");
  });

  test("the apps face: a limit in its own form, a second factor by its code", async () => {
    expect(await rendered("apps", new ApiError("rate_limited", "Slowly", { headers: { "Retry-After": "7" } }))).toEqual(
      {
        data: null,
        error: { code: "rate_limited", message: "Slowly" },
        retryAfterSeconds: 7,
        request_id: "0b0f6d5e-0000",
      },
    );
    expect(await rendered("apps", new ApiError("totp_required"))).toMatchObject({
      statusCode: 401,
      message: "totp_required",
      error: "Unauthorized",
    });
  });

  test.each(Object.keys(FACES) as (keyof typeof FACES)[])("%s: what failed inside stays inside", async (face) => {
    const text = JSON.stringify(await rendered(face, new ApiError("internal", "SELECT secret FROM users")));
    expect(text).not.toContain("SELECT");
    expect(text).toContain("Internal error");
    expect(text).toContain("0b0f6d5e-0000");
  });
});

describe("credentials", () => {
  test("a session's token counts on each face; the cookie, ?token= and keys only where they belong", async () => {
    const admin = await newUser("admin");
    const [portal, sk] = [newKey("portal_"), newKey("sk_")];
    const made = { name: "a", created_at: Date.now() };
    await db.insert(api_keys).values({
      ...made,
      user_id: admin.id,
      key_prefix: portal.slice(0, 10),
      key_hash: await hashKey(portal),
      scopes: ["*"],
    });
    await db
      .insert(app_tokens)
      .values({ ...made, created_by: admin.id, token_hash: await hashKey(sk), scope: "global" });

    const status = async (path: string, headers: Record<string, string>) =>
      (await call("GET", path, { headers })).status;
    const [onPortal, onApps] = ["/api/me", "/api/v1/auth/me"];
    const cookie = { cookie: `portal_session=${admin.token}` };
    const bearer = (value: string) => ({ authorization: `Bearer ${value}` });
    expect(await status(onPortal, bearer(admin.token))).toBe(200);
    expect(await status(onApps, bearer(admin.token))).toBe(200);
    expect(await status(onPortal, cookie)).toBe(200);
    expect(await status(onApps, cookie)).toBe(401);
    expect(await status(onPortal, bearer(portal))).toBe(200);
    expect(await status(onApps, bearer(portal))).toBe(401);
    expect(await status(onApps, { "x-api-key": portal })).toBe(401);
    expect(await status(onPortal, bearer(sk))).toBe(401);
    expect(await status(onApps, bearer(sk))).toBe(200);
    expect(await status(`${onPortal}?token=${admin.token}`, {})).toBe(200);
    expect(await status(`${onApps}?token=${admin.token}`, {})).toBe(401);
  });
});
