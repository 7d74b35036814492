/** What another site can make a browser do: nothing. A cookie, which browsers send by themselves, counts only for our own pages. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { audit_log } from "../../schema/tables/admin.ts";
import { app } from "../../workers/application.ts";
import type { Env } from "../../workers/core/env.ts";
import { faceOf } from "../../workers/core/faces.ts";
import { addressOf, anyScene, OPERATIONS, type Operation, type Scene } from "./access-scene.ts";
import { bindings, call, db, logged, newAddress, newUser, ORIGIN, PASSWORD } from "./client.ts";

const EVIL = "https://evil.example";
beforeEach(() => {
  logged("warn");
});

const UNSAFE = OPERATIONS.filter(({ method }) => method !== "GET" && method !== "HEAD");
/** They make a browser's cookie, so no other site may have them do it, cookie or not. */
const SIGN_IN = ["logIn", "register"];

const send = (operation: Operation, { asked }: Scene, headers: Record<string, string>) =>
  call(operation.method, addressOf(operation, asked), {
    headers: { "cf-connecting-ip": newAddress(), accept: "application/problem+json", ...asked.headers, ...headers },
    body: asked.body,
  });

const cookieOf = (token: string) => ({ cookie: `portal_session=${token}` });

/** Whatever is done is in the log, in the same commit. */
const done = async () => (await db.select({ id: audit_log.id }).from(audit_log)).length;

test.each(UNSAFE.map((operation) => [`${operation.method} ${operation.path}`, operation] as const))(
  "%s: another site's page does nothing by a cookie, and whoever has a token is let through from anywhere",
  async (_name, operation) => {
    const made = await anyScene(operation);
    const before = await done();
    const byCookie = await send(operation, made, { ...cookieOf(made.owner.token), origin: EVIL });
    expect(byCookie.headers.get("set-cookie")).toBeNull();
    if (operation.security.includes("cookie") || SIGN_IN.includes(operation.id)) {
      expect([byCookie.status, byCookie.body.code, await done()]).toEqual([403, "cross_origin", before]);
    } else if (operation.security.length > 0) {
      expect([byCookie.status, await done()]).toEqual([401, before]);
    }
    if (SIGN_IN.includes(operation.id)) return;
    const byToken = await send(operation, made, { authorization: `Bearer ${made.owner.token}`, origin: EVIL });
    expect([byToken.status, byToken.body?.code]).not.toEqual([403, "cross_origin"]);
    if (operation.security.length > 0) expect(byToken.status).not.toBe(401);
  },
);

test("a cookie counts on the portal only", () => {
  for (const { path, security } of OPERATIONS) {
    if (faceOf(path) !== "portal") expect([path, security.includes("cookie")]).toEqual([path, false]);
  }
});

test.each(["/api/v1/auth/me", "/api/v1/account"])("it is nobody on %s, whoever asks", async (path) => {
  const { token } = await newUser();
  const given: Record<string, string>[] = [{}, { origin: ORIGIN }, { origin: EVIL }];
  expect((await call("GET", path, { token })).status).toBe(200);
  for (const headers of given) {
    expect((await call("GET", path, { headers: { ...cookieOf(token), ...headers } })).status).toBe(401);
  }
});

describe("whose page asks", () => {
  let token = "";
  beforeAll(async () => {
    token = (await newUser()).token;
  });
  type Setting = { at?: string; publicUrl?: string; trustProxy?: string };

  /** The status of a write by cookie; 400 is past the check. */
  async function write(
    headers: Record<string, string>,
    { at = ORIGIN, publicUrl = "", trustProxy = "0" }: Setting = {},
  ) {
    const execution = createExecutionContext();
    const request = new Request(`${at}/api/streams`, {
      method: "POST",
      headers: { ...cookieOf(token), "content-type": "application/json", ...headers },
      body: "{}",
    });
    // Mail needs the public address.
    const unmailed = { SMTP_URL: "", MAIL_FROM: "" };
    const env = { ...bindings, ...unmailed, SLUICE_PUBLIC_URL: publicUrl, SLUICE_TRUST_PROXY: trustProxy } as Env;
    const { status } = await app.fetch(request, env, execution);
    await waitOnExecutionContext(execution);
    return status;
  }

  const HTTPS = { "x-forwarded-proto": "https" };
  const PROXIED = { trustProxy: "1" };

  test.each<[what: string, headers: Record<string, string>, setting?: Setting]>([
    ["ours", { origin: ORIGIN }],
    ["ours, on a port", { origin: "http://sluice.test:8080" }, { at: "http://sluice.test:8080" }],
    ["ours, with what browsers add", { origin: ORIGIN, "sec-fetch-site": "same-origin" }],
    ["typed in", { "sec-fetch-site": "none" }],
    ["no browser's", {}],
    ["ours, by HTTPS", { origin: "https://sluice.test" }, { at: "https://sluice.test" }],
    ["ours, by the HTTPS of a proxy", { origin: "https://sluice.test", ...HTTPS }, PROXIED],
    [
      "the same on the proxy's own port",
      { origin: "https://sluice.test", ...HTTPS },
      { ...PROXIED, at: "http://sluice.test:443" },
    ],
    ["at the public address", { origin: "https://live.example" }, { publicUrl: "https://live.example" }],
  ])("%s: it may", async (_, headers, setting) => {
    expect(await write(headers, setting)).toBe(400);
  });

  test.each<[what: string, headers: Record<string, string>, setting?: Setting]>([
    ["another site's", { origin: EVIL }],
    ["a sandboxed frame's, or a file's", { origin: "null" }],
    ["another port's", { origin: "http://sluice.test:8080" }],
    ["a subdomain's", { origin: "http://a.sluice.test" }],
    ["a parent domain's", { origin: "http://test" }],
    ["one that begins like ours", { origin: "http://sluice.test.evil.example" }],
    ["one that ends like ours", { origin: "http://evilsluice.test" }],
    ["one with us as its user", { origin: "http://sluice.test@evil.example" }],
    ["ours with a dot", { origin: "http://sluice.test." }],
    ["two at once", { origin: `${ORIGIN}, ${EVIL}` }],
    ["a Referer's word against it", { origin: EVIL, referer: `${ORIGIN}/dashboard` }],
    ["ours, but by HTTPS", { origin: "https://sluice.test" }],
    ["ours, but by plain HTTP", { origin: ORIGIN }, { at: "https://sluice.test" }],
    ["plain HTTP's before the HTTPS of a proxy", { origin: ORIGIN, ...HTTPS }, PROXIED],
    ["HTTPS by the word of who is no proxy of ours", { origin: "https://sluice.test", ...HTTPS }],
    ["another host by the word of the client", { origin: EVIL, "x-forwarded-host": "evil.example" }, PROXIED],
    ["another site's, where no Origin is sent", { "sec-fetch-site": "cross-site" }],
    ["a subdomain's, where no Origin is sent", { "sec-fetch-site": "same-site" }],
    ["one that says nothing we know", { "sec-fetch-site": "elsewhere" }],
  ])("%s: it may not", async (_, headers, setting) => {
    expect(await write(headers, setting)).toBe(403);
  });

  test("reads are nobody's harm, and told to nobody", async () => {
    const { status, headers } = await call("GET", "/api/streams", { headers: { ...cookieOf(token), origin: EVIL } });
    expect([status, headers.get("access-control-allow-origin")]).toEqual([200, null]);
  });

  test("a token beside the cookie is what counts", async () => {
    const body = { title: "By token" };
    const both = { ...cookieOf(token), origin: EVIL };
    expect((await call("POST", "/api/streams", { token, headers: both, body })).status).toBe(201);
    expect((await call("POST", "/api/streams", { token: "x.y.z", headers: both, body })).status).toBe(403);
  });

  test("a socket is a write", async () => {
    const upgrade = (headers: Record<string, string>) =>
      call("GET", "/ws/chat", { headers: { upgrade: "websocket", ...cookieOf(token), ...headers } });
    for (const origin of [EVIL, "null", "https://sluice.test"]) expect((await upgrade({ origin })).status).toBe(403);
    expect((await upgrade({ "sec-fetch-site": "cross-site" })).status).toBe(403);
  });
});

describe("signing in and out", () => {
  const foreign: Record<string, string>[] = [{ origin: EVIL }, { origin: "null" }, { "sec-fetch-site": "cross-site" }];

  test.each(foreign)("another site signs nobody in: %j", async (headers) => {
    const { username } = await newUser();
    const form = new URLSearchParams({ username, password: PASSWORD }).toString();
    const type = { "content-type": "application/x-www-form-urlencoded", "cf-connecting-ip": newAddress() };
    const reply = await call("POST", "/login", { headers: { ...type, ...headers }, body: form });
    expect([reply.status, reply.headers.get("set-cookie")]).toEqual([403, null]);
  });

  test("another site signs nobody out", async () => {
    const { token } = await newUser();
    for (const headers of foreign) {
      const reply = await call("GET", "/logout", { headers: { ...cookieOf(token), ...headers } });
      expect([reply.status, reply.headers.get("set-cookie")]).toEqual([403, null]);
    }
    expect((await call("GET", "/api/me", { headers: cookieOf(token) })).status).toBe(200);
    const ours = { ...cookieOf(token), "sec-fetch-site": "same-origin" };
    expect((await call("GET", "/logout", { headers: ours })).status).toBe(302);
    expect((await call("GET", "/api/me", { headers: cookieOf(token) })).status).toBe(401);
  });
});
