/** What is sent instead of a good body: each gets a clear 4xx from every operation that takes one. */
import { beforeAll, describe, expect, test } from "vitest";
import { parseJson } from "../../workers/core/json.ts";
import { call, newStream, newUser } from "./client.ts";

let token = "";
let id = 0;
let client = 0;

beforeAll(async () => {
  token = (await newUser()).token;
  id = (await newStream(token)).id;
});

const OPERATIONS: [method: string, path: () => string][] = [
  ["POST", () => "/api/token"],
  ["POST", () => "/login"],
  ["POST", () => "/api/streams"],
  ["PUT", () => `/api/streams/${id}`],
  ["POST", () => "/internal/bootstrap"],
];

const bytes = (...values: number[]) => Uint8Array.from(values);
const nested = (depth: number) => `{"title":${"[".repeat(depth)}${"]".repeat(depth)}}`;
/** Without a length, in pieces. */
const chunked = (size: number, sent = { bytes: 0 }) =>
  new ReadableStream({
    pull(controller) {
      const piece = Math.min(size - sent.bytes, 16_384);
      if (piece <= 0) return controller.close();
      controller.enqueue(new Uint8Array(piece).fill(0x20));
      sent.bytes += piece;
    },
  });

const BODIES: Record<string, { body: () => BodyInit; expected: number; headers?: Record<string, string> }> = {
  nothing: { body: () => "", expected: 400 },
  "half an object": { body: () => '{"title":', expected: 400 },
  "two objects": { body: () => '{"title":"a"}{"title":"b"}', expected: 400 },
  "a comment": { body: () => '{"title":"a" /* b */}', expected: 400 },
  "a trailing comma": { body: () => '{"title":"a",}', expected: 400 },
  "single quotes": { body: () => "{'title':'a'}", expected: 400 },
  NaN: { body: () => '{"title":NaN}', expected: 400 },
  "an array": { body: () => '[{"title":"a"}]', expected: 400 },
  "a string": { body: () => '"title"', expected: 400 },
  "a number": { body: () => "7", expected: 400 },
  null: { body: () => "null", expected: 400 },
  true: { body: () => "true", expected: 400 },
  "nested 33 deep": { body: () => nested(32), expected: 400 },
  "nested 100,000 deep": { body: () => nested(100_000), expected: 400 },
  "a key twice": { body: () => '{"title":"a","title":"b"}', expected: 400 },
  "a key twice, escaped once": { body: () => '{"title":"a","t\\u0069tle":"b"}', expected: 400 },
  "a key twice, deeper": { body: () => '{"x":{"a":1,"a":2}}', expected: 400 },
  __proto__: { body: () => '{"__proto__":{"is_admin":true},"title":"a"}', expected: 400 },
  "__proto__ escaped": { body: () => '{"\\u005f_proto__":1,"title":"a"}', expected: 400 },
  "a lone surrogate": { body: () => '{"title":"a\\ud800b"}', expected: 400 },
  "a lone surrogate in a key": { body: () => '{"a\\udc00":"b"}', expected: 400 },
  "a NUL escaped": { body: () => '{"title":"a\\u0000b"}', expected: 400 },
  "a NUL raw": { body: () => '{"title":"a\0b"}', expected: 400 },
  "1e400": { body: () => '{"title":1e400}', expected: 400 },
  "-1e400 deeper": { body: () => '{"x":[-1e400]}', expected: 400 },
  "a raw line break in a string": { body: () => '{"title":"a\nb"}', expected: 400 },
  "invalid UTF-8": { body: () => bytes(0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d), expected: 400 },
  "overlong UTF-8": { body: () => bytes(0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x3a, 0x31, 0x7d), expected: 400 },
  "a surrogate in UTF-8": { body: () => bytes(0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d), expected: 400 },
  "UTF-16": { body: () => bytes(0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00), expected: 400 },
  "more than 256 KiB": { body: () => `{"title":"${"x".repeat(256 * 1024)}"}`, expected: 413 },
  "more than 256 KiB in chunks": { body: () => chunked(300_000), expected: 413 },
  "100 MB in chunks": { body: () => chunked(100_000_000), expected: 413 },
  "a form with a JSON name": { body: () => "title=a", expected: 400 },
  "plain text": { body: () => '{"title":"a"}', expected: 415, headers: { "content-type": "text/plain" } },
  "no content type": { body: () => new Uint8Array([0x7b, 0x7d]), expected: 415, headers: { "content-type": "" } },
  XML: { body: () => "<a/>", expected: 415, headers: { "content-type": "application/xml" } },
  "a multipart form": {
    body: () => "--x--",
    expected: 415,
    headers: { "content-type": "multipart/form-data; boundary=x" },
  },
  "JSON in another character set": {
    body: () => '{"title":"a"}',
    expected: 415,
    headers: { "content-type": "application/json; charset=utf-16" },
  },
  "a type that only looks like JSON": {
    body: () => "{}",
    expected: 415,
    headers: { "content-type": "application/jsonp" },
  },
};

describe.each(OPERATIONS)("%s %s", (method, path) => {
  test.each(Object.entries(BODIES))("%s", async (_name, { body, expected, headers }) => {
    const reply = await call(method, path(), {
      token,
      body: body(),
      headers: { "cf-connecting-ip": `2001:db8:${++client}::1`, ...headers },
    });
    expect(reply.status, reply.text).toBe(expected);
    expect(reply.body).toEqual({ error: expect.any(String), status: expected, request_id: expect.any(String) });
  });
});

test("what is too large is read to its end all the same, unless it is far too large", async () => {
  const send = async (size: number) => {
    const sent = { bytes: 0 };
    const { status } = await call("POST", "/api/streams", { token, body: chunked(size, sent) });
    return { status, ...sent };
  };
  expect(await send(1_000_000)).toEqual({ status: 413, bytes: 1_000_000 });
  const endless = await send(100_000_000);
  expect(endless.status).toBe(413);
  expect(endless.bytes).toBeLessThan(8_000_000);
});

describe("a body is taken", () => {
  test.each([
    ["with a character set", "application/json; charset=utf-8"],
    ["with a quoted one", 'application/json;charset="UTF-8"'],
    ["in capitals", "Application/JSON"],
  ])("%s", async (name, type) => {
    const headers = { "content-type": type };
    expect((await call("POST", "/api/streams", { token, headers, body: { title: name } })).status).toBe(201);
  });

  test("31 levels deep, with escapes, and with unknown fields, which are left out", async () => {
    const body = `{"title":"caf\\u00e9 \\ud83c\\udfac","x":${"[".repeat(31)}${"]".repeat(31)}}`;
    const reply = await call("POST", "/api/streams", { token, body });
    expect(reply.body.title).toBe("café 🎬");
    expect(reply.body).not.toHaveProperty("x");
  });

  test("fields of an object that every object has are no fields", async () => {
    expect(
      (await call("POST", "/api/streams", { token, body: '{"constructor":{"prototype":{"title":"x"}}}' })).status,
    ).toBe(400);
  });
});

test("parseJson is quick about long strings and many keys", () => {
  const long = JSON.stringify({ a: '\\"'.repeat(60_000) });
  const many = JSON.stringify(Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`key${n}`, n])));
  for (const text of [long, many]) expect(parseJson(text)).toEqual(JSON.parse(text));
});

describe("text that means something elsewhere stays text", () => {
  const TEXTS = [
    "' OR '1'='1",
    "'; DROP TABLE streams; --",
    '" UNION SELECT password_hash FROM users --',
    "1); DELETE FROM users WHERE (1=1",
    "%' AND 1=1 AND '%'='",
    "?1 :title @x $y",
    "\\' OR 1=1 --",
    '" OR * NEAR( ^ :col -',
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "<svg/onload=alert(1)>",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: that is the point
    "{{7*7}} ${7*7} #{7*7} <%= 7*7 %>",
    "$(touch /tmp/x) `id` | ls ; -i /etc/passwd",
    "../../../../etc/passwd",
    "\u202Etxt.exe",
    "Z̸͉̈a̵l̷g̶o̴",
    "ﷺ".repeat(30),
    "null",
    "undefined",
    "NaN",
    "true",
    "0",
    "-1",
    "constructor",
    "[object Object]",
    "💥".repeat(100),
  ];

  test.each(TEXTS)("%s", async (text) => {
    const created = await call("POST", "/api/streams", { token, body: { title: text, description: text } });
    expect(created.status).toBe(201);
    const read = await call("GET", `/api/streams/${created.body.id}`, { token });
    expect(read.body.stream).toMatchObject({ title: text.trim(), description: text.trim() });
    expect(read.headers.get("content-type")).toBe("application/json");
    const list = await call("GET", "/api/streams", { token });
    expect(list.body.streams.some((stream: { title: string }) => stream.title === text.trim())).toBe(true);
  });
});
