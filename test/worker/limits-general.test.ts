/** What calls cost whom, on each face, with the limits switched on. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { rateLimiter } from "../../durable-objects/stubs.ts";
import { app } from "../../workers/application.ts";
import { EVERYBODY } from "../../workers/core/admits.ts";
import { createApp } from "../../workers/core/app.ts";
import type { App, Services } from "../../workers/core/app-env.ts";
import type { Env } from "../../workers/core/env.ts";
import { operation } from "../../workers/core/operation.ts";
import { authenticateToken } from "../../workers/identity/sessions.ts";
import { bindings, call, logged, newUser, ORIGIN, PASSWORD } from "./client.ts";

type Given = { token?: string; ip?: string; headers?: Record<string, string>; body?: unknown };

const ON = { ...bindings, SLUICE_RATE_LIMITS: "on" };

/** As clients call it, but that limits are on. */
async function ask(method: string, path: string, given: Given = {}, to: App = app, env: object = ON) {
  const { token, ip = "198.51.100.1", headers = {}, body } = given;
  const execution = createExecutionContext();
  const request = new Request(`${ORIGIN}${path}`, {
    method,
    redirect: "manual",
    headers: {
      "cf-connecting-ip": ip,
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { "content-type": "application/json" }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const response = await to.fetch(request, env as Env, execution);
  const text = await response.text();
  await waitOnExecutionContext(execution);
  return { status: response.status, headers: response.headers, text };
}

type Reply = Awaited<ReturnType<typeof ask>>;
const told = ({ headers }: Reply) => [headers.get("x-ratelimit-limit"), headers.get("x-ratelimit-remaining")];
const several = <T>(count: number, make: (n: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, n) => make(n)));
const letThrough = (replies: Reply[]) => replies.filter(({ status }) => status !== 429).length;

/** Whose session this isolate has looked up already, so that a thousand calls at once need not. */
async function knownUser() {
  const user = await newUser();
  await call("GET", "/api/me", { token: user.token });
  return user;
}

async function cookieOf(username: string): Promise<string> {
  const { headers } = await call("POST", "/login", { body: { username, password: PASSWORD } });
  return headers.get("set-cookie")?.split(";")[0] ?? expect.fail("no cookie");
}

describe("the portal", () => {
  test("sixty a minute for each token, reads and writes together; then 429 that says when to come back", async () => {
    const { token } = await newUser();
    for (let n = 59; n >= 30; n--) expect(told(await ask("GET", "/api/me", { token }))).toEqual(["60", String(n)]);
    for (let n = 29; n >= 0; n--) {
      const reply = await ask("PUT", "/api/me/nickname", { token, body: {} });
      expect([reply.status, ...told(reply)]).toEqual([400, "60", String(n)]);
    }
    for (const method of ["GET", "PUT"]) {
      const reply = await ask(method, method === "GET" ? "/api/me" : "/api/me/nickname", { token, ip: "198.51.100.2" });
      expect([reply.status, ...told(reply)]).toEqual([429, "60", "0"]);
      expect(JSON.parse(reply.text)).toMatchObject({
        error: expect.stringContaining("Too many requests"),
        status: 429,
      });
      const wait = Number(reply.headers.get("retry-after"));
      expect(wait).toBeGreaterThanOrEqual(1);
      expect(wait).toBeLessThanOrEqual(60);
      const reset = Number(reply.headers.get("x-ratelimit-reset"));
      expect(Math.abs(reset - (Date.now() / 1000 + wait))).toBeLessThanOrEqual(2);
    }
  });

  test("a thousand writes at once by one token: exactly sixty are let through", async () => {
    const { token } = await knownUser();
    const replies = await several(1_000, () => ask("PUT", "/api/me/nickname", { token, body: {} }));
    expect(letThrough(replies)).toBe(60);
  });

  test("a thousand reads at once: exactly sixty", async () => {
    const { token } = await knownUser();
    expect(letThrough(await several(1_000, () => ask("GET", "/api/me", { token })))).toBe(60);
  });

  test("somebody's tokens count separately, and so does a cookie: 600 a minute", async () => {
    const user = await newUser();
    const { body } = await call("POST", "/api/token", { body: { username: user.username, password: PASSWORD } });
    const cookie = await cookieOf(user.username);
    await call("GET", "/api/me", { headers: { cookie } });
    expect(letThrough(await several(61, () => ask("GET", "/api/me", { token: user.token })))).toBe(60);
    expect(told(await ask("GET", "/api/me", { token: body.token }))).toEqual(["60", "59"]);
    const paged = await several(610, () => ask("GET", "/api/me", { headers: { cookie } }));
    expect(letThrough(paged)).toBe(600);
    expect(told(paged[0] as Reply)[0]).toBe("600");
  });

  test("an API key and a stream key have counts of their own", async () => {
    const { token } = await newUser();
    const made = await call("POST", "/api/streams", { token, body: { title: "Counted" } });
    const headers = { "x-stream-key": made.body.stream_key };
    const path = `/api/streams/${made.body.id}`;
    expect(told(await ask("GET", path, { token }))).toEqual(["60", "59"]);
    expect(told(await ask("GET", path, { headers }))).toEqual(["60", "59"]);
    expect(told(await ask("GET", path, { headers }))).toEqual(["60", "58"]);
  });

  test("without a credential that holds, the address counts: IPv6 by /64", async () => {
    const at = (n: number) => ({ ip: `2001:db8:7:7::${n + 1}` });
    for (let n = 0; n < 20; n++) expect((await ask("GET", "/api/me", at(n))).status).toBe(401);
    for (let n = 0; n < 20; n++) expect((await ask("GET", "/api/me", { ...at(n), token: "x.y.z" })).status).toBe(401);
    for (let n = 0; n < 20; n++) expect((await ask("GET", "/api/streams/open", at(n))).status).toBe(200);
    const reply = await ask("GET", "/api/streams/open", at(99));
    expect([reply.status, ...told(reply)]).toEqual([429, "60", "0"]);
    const { token } = await newUser();
    expect((await ask("GET", "/api/me", { ...at(1), token })).status).toBe(200);
    expect((await ask("GET", "/api/streams/open", { ip: "2001:db8:7:8::1" })).status).toBe(200);
  });

  test("while no address can be believed all who are nobody share a larger count", async () => {
    const env = { ...ON, SLUICE_TRUST_PROXY: "0" };
    expect(told(await ask("GET", "/api/streams/open", { ip: "198.51.100.7" }, app, env))).toEqual(["6000", "5999"]);
    expect(told(await ask("GET", "/api/streams/open", { ip: "198.51.100.8" }, app, env))).toEqual(["6000", "5998"]);
  });

  test("ten searches a minute for each account, whatever it signs in with; pages as often as they ask", async () => {
    const user = await newUser();
    const { body } = await call("POST", "/api/token", { body: { username: user.username, password: PASSWORD } });
    const cookie = await cookieOf(user.username);
    const search = (given: Given) => ask("GET", "/api/chat/users?q=a", given);
    for (let n = 0; n < 5; n++) expect((await search({ token: user.token })).status).toBe(200);
    for (let n = 4; n >= 0; n--) expect(told(await search({ token: body.token }))).toEqual(["10", String(n)]);
    expect((await search({ token: user.token })).status).toBe(429);
    expect((await ask("GET", "/api/me", { token: user.token })).status).toBe(200);
    expect(told(await search({ headers: { cookie } }))[0]).toBe("600");
  });

  test("what another site asks for by a cookie counts for the address, not for the session", async () => {
    const user = await newUser();
    const cookie = await cookieOf(user.username);
    const ip = "198.51.100.30";
    const forged = { headers: { cookie, origin: "https://evil.example" }, body: {}, ip };
    const reply = await ask("PUT", "/api/me/nickname", forged);
    expect([reply.status, ...told(reply)]).toEqual([403, "60", "59"]);
    expect(told(await ask("GET", "/api/me", { headers: { cookie } }))).toEqual(["600", "599"]);
  });

  test("what no operation answers counts as well, for whoever asks: unknown paths and methods, and OPTIONS", async () => {
    const ip = "198.51.100.41";
    expect(told(await ask("GET", "/api/nothing", { ip }))).toEqual(["60", "59"]);
    const { token } = await newUser();
    const calls: [method: string, path: string, status: number][] = [
      ["GET", "/api/nothing", 404],
      ["POST", "/api/me", 405],
      ["OPTIONS", "/api/me", 204],
      ["HEAD", "/api/nothing", 404],
    ];
    for (const [n, [method, path, status]] of calls.entries()) {
      const reply = await ask(method, path, { token, ip });
      expect([reply.status, ...told(reply)]).toEqual([status, "60", String(59 - n)]);
    }
    await several(59, () => ask("GET", "/api/nothing", { ip }));
    const refused = await ask("GET", "/api/nothing", { ip });
    expect([refused.status, ...told(refused)]).toEqual([429, "60", "0"]);
  });

  test.each([
    "/health",
    "/livez",
    "/readyz",
    "/api/stream/pub_x/hls/index.m3u8",
    "/api/vod/vod_x/index.m3u8",
    "/nothing",
  ])("%s is not counted", async (path) => {
    logged("warn");
    expect(told(await ask("GET", path, { ip: "198.51.100.40" }))).toEqual([null, null]);
    expect(told(await ask("GET", "/api/streams/open", { ip: "198.51.100.40" }))[0]).toBe("60");
  });
});

describe("the other faces", () => {
  let faces: App;
  const json = {
    200: { description: "It", content: { "application/json": { schema: z.object({ ok: z.boolean() }) } } },
  };

  beforeAll(() => {
    const services = { authenticators: { jwt: authenticateToken }, limiter: rateLimiter } as unknown as Services;
    const routes = (on: App) => {
      const add = (
        method: "get" | "post",
        path: string,
        rest: { access: "user" } | { access: "none"; limit: "auth" },
      ) =>
        operation(
          on,
          {
            method,
            path,
            operationId: `${method} ${path}`,
            tags: ["identity"],
            summary: path,
            ...rest,
            admits: EVERYBODY,
            errors: [],
            responses: json,
          },
          (c) => c.json({ ok: true }, 200),
        );
      add("get", "/api/auth/me", { access: "user" });
      add("post", "/api/auth/thing", { access: "user" });
      add("post", "/api/auth/login", { access: "none", limit: "auth" });
      add("get", "/api/v1/things", { access: "user" });
      add("post", "/api/v1/auth/login", { access: "none", limit: "auth" });
    };
    faces = createApp(services, [routes]);
  });

  test("the recorder: 100 reads and 30 writes, apart from each other and from the portal's", async () => {
    const { token } = await newUser();
    expect(letThrough(await several(101, () => ask("GET", "/api/auth/me", { token }, faces)))).toBe(100);
    expect(letThrough(await several(31, () => ask("POST", "/api/auth/thing", { token }, faces)))).toBe(30);
    const reply = await ask("POST", "/api/auth/thing", { token }, faces);
    expect(told(reply)).toEqual(["30", "0"]);
    expect(JSON.parse(reply.text)).toMatchObject({ error: { code: "RATE_LIMITED" } });
    expect(told(await ask("GET", "/api/me", { token }))).toEqual(["60", "59"]);
  });

  test("the recorder's unknown paths are reads, and its unknown methods writes", async () => {
    const ip = "198.51.100.51";
    const unknown = await ask("GET", "/api/auth/nothing", { ip }, faces);
    expect([unknown.status, ...told(unknown)]).toEqual([404, "100", "99"]);
    const refused = await ask("DELETE", "/api/auth/me", { ip }, faces);
    expect([refused.status, ...told(refused)]).toEqual([405, "30", "29"]);
  });

  test("the recorder's and the portal's ways in are counted apart: ten a minute each", async () => {
    const ip = "198.51.100.50";
    expect(letThrough(await several(15, () => ask("POST", "/api/auth/login", { ip }, faces)))).toBe(10);
    expect(told(await ask("POST", "/api/token", { ip, body: {} }))).toEqual(["10", "9"]);
  });

  test("apps: only signing in, ten in 15 minutes, with the headers of draft 7", async () => {
    const { token } = await newUser();
    const free = await ask("GET", "/api/v1/things", { token }, faces);
    expect([free.status, free.headers.get("ratelimit"), ...told(free)]).toEqual([200, null, null, null]);
    const ip = "198.51.100.60";
    const first = await ask("POST", "/api/v1/auth/login", { ip }, faces);
    expect(first.headers.get("ratelimit-policy")).toBe("10;w=900");
    expect(first.headers.get("ratelimit")).toMatch(/^limit=10, remaining=9, reset=(900|899)$/);
    expect(told(first)).toEqual([null, null]);
    expect(letThrough(await several(20, () => ask("POST", "/api/v1/auth/login", { ip }, faces)))).toBe(9);
    const refused = await ask("POST", "/api/v1/auth/login", { ip }, faces);
    expect(refused.headers.get("ratelimit")).toMatch(/^limit=10, remaining=0, reset=/);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(890);
    expect(JSON.parse(refused.text)).toMatchObject({ data: null, error: { code: "rate_limited" } });
  });

  test("apps: the operator says how many in how long", async () => {
    const env = { ...ON, AUTH_RATE_LIMIT_MAX: "3", AUTH_RATE_LIMIT_WINDOW_MS: "120000" };
    const replies = await several(5, () => ask("POST", "/api/v1/auth/login", { ip: "198.51.100.61" }, faces, env));
    expect(letThrough(replies)).toBe(3);
    expect(replies[0]?.headers.get("ratelimit-policy")).toBe("3;w=120");
  });
});

describe("switched off", () => {
  test("calls are free and say nothing; signing in and searching are counted all the same", async () => {
    const { token } = await newUser();
    const off = (method: string, path: string, given: Given) =>
      ask(method, path, given, app, { ...bindings, SLUICE_RATE_LIMITS: "off" });
    const free = await several(70, () => off("GET", "/api/me", { token }));
    expect(free.map(({ status }) => status)).toEqual(Array(70).fill(200));
    expect(told(free[0] as Reply)).toEqual([null, null]);
    expect(told(await off("POST", "/api/token", { body: {}, ip: "198.51.100.70" }))).toEqual(["10", "9"]);
    expect(letThrough(await several(12, () => off("GET", "/api/chat/users?q=a", { token })))).toBe(10);
  });
});

describe("when nobody can count", () => {
  const env = {
    ...ON,
    RATE_LIMITER: {
      getByName: () => ({
        take: async () => {
          throw new Error("object gone");
        },
      }),
    },
  };

  test("ordinary calls are let through, which is logged once and told by no header", async () => {
    const errors = logged("error");
    const { token } = await newUser();
    for (let n = 0; n < 3; n++) {
      const read = await ask("GET", "/api/me", { token }, app, env);
      expect([read.status, ...told(read)]).toEqual([200, null, null]);
      expect((await ask("PUT", "/api/me/nickname", { token, body: {} }, app, env)).status).toBe(400);
    }
    expect(errors.filter((line) => line.includes("not counted"))).toHaveLength(1);
  });
});

test("counted operations are documented with it, and these alone are not counted", async () => {
  const document = z
    .object({
      paths: z.record(
        z.string(),
        z.record(
          z.string(),
          z.object({ responses: z.record(z.string(), z.looseObject({ headers: z.record(z.string(), z.unknown()) })) }),
        ),
      ),
    })
    .parse((await call("GET", "/openapi.json")).body);
  const free: string[] = [];
  const apps: string[] = [];
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, { responses }] of Object.entries(methods)) {
      const isApps = path.startsWith("/api/v1/");
      const told = Object.values(responses).map(
        ({ headers }) => (isApps ? "RateLimit" : "X-RateLimit-Limit") in headers,
      );
      // Whatever it answers, it says how much is left, or it never does.
      expect(new Set(told).size, `${method} ${path}`).toBe(1);
      if (told[0]) {
        expect(responses["429"]?.headers, path).toHaveProperty("Retry-After");
        if (isApps) apps.push(`${method} ${path}`);
      } else if (!isApps) free.push(`${method} ${path}`);
    }
  }
  expect(apps.length).toBeGreaterThan(0);
  for (const each of apps) expect(each).toMatch(/^post \/api\/v1\/auth\//);
  expect(free.sort()).toEqual(
    [
      "get /api/stream/{key}/hls/{path}",
      "get /api/stream/{key}/info",
      "get /api/vod/{public_id}/index.m3u8",
      "get /api/vod/{public_id}/parts/{file}",
      "get /api/vod/{public_id}/storyboard.jpg",
      "get /api/vod/{public_id}/thumbnail.jpg",
      "get /health",
      "get /livez",
      "get /readyz",
    ].sort(),
  );
});
