/** The description of the API as a whole: what it says is true, and leads somewhere. */
import { beforeAll, expect, test } from "vitest";
import { call, newStream, newUser } from "./client.ts";
import { type Document, readDocument } from "./openapi-document.ts";

let document: Document;
beforeAll(async () => {
  document = await readDocument();
});

test("media of recordings open to anybody, and to who says who they are", () => {
  for (const name of ["index.m3u8", "parts/{file}", "thumbnail.jpg", "storyboard.jpg"]) {
    const { security } = document.paths[`/api/vod/{public_id}/${name}`]?.get ?? expect.fail(name);
    expect(security).toEqual(expect.arrayContaining([{}, { bearer: [] }, { cookie: [] }]));
  }
});

test("where no cookie counts, no cross-origin refusal is documented", () => {
  const ways = Object.entries(document.paths).filter(([path]) => /^\/api\/(v1|auth)\//.test(path));
  expect(ways.length).toBeGreaterThan(0);
  expect(JSON.stringify(ways)).not.toContain("cross_origin");
});

test("where no key is good enough, none is documented; and a refresh takes a token and nothing else", () => {
  const securityOf = (method: string, path: string) => document.paths[path]?.[method]?.security;
  const session = [{ bearer: [] }, { query_token: [] }, { cookie: [] }];
  const own = Object.entries(document.paths).filter(([path]) => /^\/api\/v1\/(account|auth\/sessions)/.test(path));
  expect(own.length).toBeGreaterThan(0);
  for (const [, methods] of own) {
    for (const { security } of Object.values(methods)) expect(security).toEqual([{ bearer: [] }]);
  }
  expect(securityOf("get", "/api/v1/auth/me")).toEqual([{ bearer: [] }, { app_token: [] }]);
  expect(securityOf("post", "/api/me/password")).toEqual(session);
  expect(securityOf("get", "/api/api-keys")).toEqual(session);
  expect(securityOf("post", "/api/auth/refresh")).toEqual([{ bearer: [] }]);
});

/** Beside those about accounts. */
const FOR_ACCOUNTS = ["createChannel", "createStream", "listActivity", "readAuditLog", "getPublicStats"];

test("a stream's key is documented for what is done to accounts where it is taken, and nowhere else", async () => {
  const stream = await newStream((await newUser("admin")).token);
  const headers = { "x-stream-key": stream.stream_key };
  const about = Object.entries(document.paths).filter(([path]) => !/^\/api\/(v1|auth)\//.test(path));
  for (const [path, methods] of about) {
    for (const [method, { tags, operationId, security, requestBody }] of Object.entries(methods)) {
      if (!tags.includes("identity") && !FOR_ACCOUNTS.includes(operationId)) continue;
      if (security.length === 0) continue;
      const body = requestBody ? { body: {} } : {};
      const { status } = await call(method.toUpperCase(), path.replace("{id}", "1"), { headers, ...body });
      const isTaken = security.some((scheme) => "stream_key" in scheme);
      if (isTaken) expect([path, status]).toEqual([path, path === "/logout" ? 302 : 200]);
      // What is wrong with a body is said before.
      else expect(requestBody ? [400, 403] : [403], `${method} ${path}`).toContain(status);
    }
  }
});

test("operation ids are unique", () => {
  const ids = Object.values(document.paths).flatMap((methods) =>
    Object.values(methods).map(({ operationId }) => operationId),
  );
  expect(new Set(ids).size).toBe(ids.length);
});

test("every reference leads somewhere", () => {
  const text = JSON.stringify(document);
  for (const [, pointer = ""] of text.matchAll(/"\$ref":"#\/([^"]+)"/g)) {
    const found = pointer
      .split("/")
      .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document);
    expect(found, pointer).toBeDefined();
  }
});

test("no example opens anything", () => {
  expect(JSON.stringify(document)).not.toMatch(/live_[A-Za-z0-9_-]{32}|eyJ[A-Za-z0-9_-]{8}/);
});

test("lengths are documented as they are enforced", () => {
  const text = JSON.stringify(document.paths["/api/streams"]?.post?.requestBody);
  expect([...text.matchAll(/"maxLength":(\d+)/g)].map(([, most]) => most)).toEqual(["100", "100", "2000"]);
});

test("numbers in addresses are documented as integers, with their range", () => {
  const { parameters = [] } = document.paths["/api/activity"]?.get ?? expect.fail("no activity");
  const limit = parameters.find(({ name }) => name === "limit");
  expect(limit).toMatchObject({ schema: { type: "integer", minimum: 1, maximum: 50, default: 20 } });
});

test("patterns are documented without the flags of their expressions", () => {
  const text = JSON.stringify(document.paths["/api/me/avatar"]?.put?.requestBody);
  expect(text).toContain(JSON.stringify(String.raw`^[\p{L}\p{N}]{1,2}$`));
});

test("a wrong type is told in words that follow the field's name", async () => {
  const typed = await call("POST", "/api/token", { body: { username: 5, password: "x" } });
  expect(typed).toMatchObject({ status: 400, body: { error: "username must be of type string" } });
});

test("is OpenAPI 3.1 of the version in package.json", () => {
  expect(document.openapi).toBe("3.1.0");
  expect(document.info.version).toMatch(/^\d+\.\d+\.\d+$/);
});
