/** What browsers may do with each kind of reply, and who else may read it. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { app } from "../../workers/application.ts";
import type { Env } from "../../workers/core/env.ts";
import { addressOf, anyScene, OPERATIONS, type Operation } from "./access-scene.ts";
import { bindings, call, logged, newAddress, newStream, newUser } from "./client.ts";

beforeEach(() => {
  logged("warn");
});

const SITE = "https://site.example";
/** Players on any page: what they fetch, and what they are told when it fails. */
const ANY_ORIGIN = [
  "getHls",
  "listPublicVods",
  "getPublicVod",
  "getVodPlaylist",
  "getVodPart",
  "getVodThumbnail",
  "getVodStoryboard",
];

const sharing = (headers: Headers) => [...headers].filter(([name]) => name.startsWith("access-control-"));

/** Of every reply, whatever it is. */
function expectSafe(headers: Headers): void {
  expect(headers.get("x-request-id")).toMatch(/^[A-Za-z0-9._-]{8,64}$/);
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  expect(headers.get("referrer-policy")).toBe("strict-origin-when-cross-origin");
  expect(headers.get("content-security-policy")).toContain("default-src 'none'");
  expect(headers.get("cache-control")).toBeTruthy();
  for (const name of ["server", "x-powered-by", "access-control-allow-credentials"])
    expect(headers.has(name)).toBe(false);
}

function expectNoPage(headers: Headers): void {
  expectSafe(headers);
  expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
  expect(headers.get("x-frame-options")).toBe("DENY");
  for (const name of ["strict-transport-security", "permissions-policy"]) expect(headers.has(name)).toBe(false);
}

describe.each(OPERATIONS.map((operation) => [`${operation.method} ${operation.path}`, operation] as const))(
  "%s",
  (_name, operation: Operation) => {
    const isShared = ANY_ORIGIN.includes(operation.id);

    test("is read by no other site, unless it plays", async () => {
      const { owner, asked } = await anyScene(operation);
      const address = addressOf(operation, asked);
      const headers = () => ({ "cf-connecting-ip": newAddress(), origin: SITE, ...asked.headers });
      const replies = [
        await call(operation.method, address, { token: owner.token, headers: headers(), body: asked.body }),
        await call(operation.method, address, { token: "x.y.z", headers: headers() }),
      ];
      for (const reply of replies) {
        expectNoPage(reply.headers);
        if (isShared) expect(reply.headers.get("access-control-allow-origin")).toBe("*");
        else expect(sharing(reply.headers)).toEqual([]);
      }
    });

    test("OPTIONS says what there is, and opens it to no other site, unless it plays", async () => {
      const address = operation.path.replace(/\{\w+\}/g, "1");
      const asked = {
        "access-control-request-method": operation.method,
        "access-control-request-headers": "authorization",
      };
      for (const origin of [SITE, "null", "http://sluice.test"]) {
        const reply = await call("OPTIONS", address, { headers: { origin, ...asked } });
        expect([reply.status, reply.text]).toEqual([204, ""]);
        expectNoPage(reply.headers);
        expect(reply.headers.get("allow")?.split(", ")).toEqual(expect.arrayContaining([operation.method, "OPTIONS"]));
        if (!isShared) expect(sharing(reply.headers)).toEqual([]);
        else {
          expect(reply.headers.get("access-control-allow-origin")).toBe("*");
          expect(reply.headers.get("access-control-allow-methods")).toBe("GET, HEAD");
        }
      }
    });
  },
);

test("what plays for any page is what is listed here", () => {
  const ids = OPERATIONS.map(({ id }) => id);
  expect(ANY_ORIGIN.filter((id) => !ids.includes(id))).toEqual([]);
});

describe("a reply that is no operation's success", () => {
  let token = "";
  let id = 0;
  beforeAll(async () => {
    token = (await newUser()).token;
    id = (await newStream(token)).id;
  });

  const FILES: Record<string, { type: string; body: string }> = {
    "/index.html": { type: "text/html; charset=utf-8", body: "<!doctype html><title>app</title>" },
    "/embed.html": { type: "text/html; charset=utf-8", body: "<!doctype html><title>embed</title>" },
    "/assets/app-4f3c2b1a.js": { type: "text/javascript", body: "1" },
    "/favicon.svg": { type: "image/svg+xml", body: "<svg/>" },
  };
  const ASSETS = {
    async fetch(request: Request) {
      const file = FILES[new URL(request.url).pathname];
      if (!file) return new Response("no", { status: 404 });
      const headers = { etag: '"1"', "content-type": file.type };
      const known = request.headers.get("if-none-match") === '"1"';
      return known
        ? new Response(null, { status: 304, headers: { etag: '"1"' } })
        : new Response(file.body, { headers });
    },
  };

  /** By HTTPS, from a page of another site. */
  async function get(
    path: string,
    headers: Record<string, string> = {},
    changes: Partial<Record<keyof Env, unknown>> = {},
  ) {
    const execution = createExecutionContext();
    const request = new Request(`https://sluice.test${path}`, { headers: { origin: SITE, ...headers } });
    const response = await app.fetch(request, { ...bindings, ASSETS, ...changes } as Env, execution);
    await waitOnExecutionContext(execution);
    return response;
  }
  const html = { accept: "text/html" };

  test.each<[status: number, path: string, headers?: Record<string, string>]>([
    [404, "/api/nope"],
    [404, "/nope.js"],
    [405, "/api/token"],
    [400, "/api/streams/x"],
    [302, "/logout"],
    [200, "/favicon.svg"],
    [304, "/favicon.svg", { "if-none-match": '"1"' }],
    [200, "/assets/app-4f3c2b1a.js"],
  ])("%s %s", async (status, path, headers) => {
    const response = await get(path, headers);
    expect(response.status).toBe(status);
    expectNoPage(response.headers);
    expect(sharing(response.headers)).toEqual([]);
  });

  test("304 of a resource", async () => {
    const signedIn = { authorization: `Bearer ${token}` };
    const etag = (await get(`/api/streams/${id}`, signedIn)).headers.get("etag") ?? "";
    const response = await get(`/api/streams/${id}`, { ...signedIn, "if-none-match": etag });
    expect(response.status).toBe(304);
    expectNoPage(response.headers);
  });

  test.each([
    [404, "/nope"],
    [200, "/"],
    [200, "/login"],
    [304, "/login", { "if-none-match": '"1"' }],
  ] as [number, string, Record<string, string>?][])(
    "%s %s, a page: HTTPS for a year, framed by nobody",
    async (status, path, headers = {}) => {
      const response = await get(path, { ...html, ...headers });
      expect(response.status).toBe(status);
      expectSafe(response.headers);
      expect(response.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
      expect(response.headers.get("x-frame-options")).toBe("DENY");
      expect(sharing(response.headers)).toEqual([]);
      // What a browser has of a page that did not change keeps its own.
      if (status === 304) return;
      expect(response.headers.get("strict-transport-security")).toBe("max-age=31536000");
      expect(response.headers.get("permissions-policy")).toBe(
        "camera=(), geolocation=(), payment=(), usb=(), microphone=(self), display-capture=(self)",
      );
    },
  );

  test("the embed is framed by anybody, and runs no script but ours", async () => {
    const { headers } = await get("/embed/stream/pub_x", html);
    expectSafe(headers);
    expect(headers.get("content-security-policy")).toContain("frame-ancestors *");
    expect(headers.get("content-security-policy")).toContain("script-src 'self';");
    expect(headers.get("x-frame-options")).toBeNull();
    expect(sharing(headers)).toEqual([]);
  });

  test("500, of us and of wrong settings", async () => {
    const errors = logged("error");
    const broken = {
      prepare() {
        throw new Error("secret detail");
      },
    };
    for (const changes of [{ DB: broken }, { SLUICE_SECRET: "short" }]) {
      const response = await get("/api/streams/open", {}, changes);
      expect(response.status).toBe(500);
      expectNoPage(response.headers);
      expect(sharing(response.headers)).toEqual([]);
    }
    expect(errors).toHaveLength(2);
  });
});
