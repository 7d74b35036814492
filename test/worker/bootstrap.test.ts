import { eq } from "drizzle-orm";
import { beforeAll, describe, expect, test } from "vitest";
import { BootstrapReply } from "../../schema/contract/admin.ts";
import { toBase64url } from "../../schema/kit/base64url.ts";
import { hashKey } from "../../schema/kit/keys.ts";
import { users } from "../../schema/tables/identity.ts";
import { enrolment_tokens } from "../../schema/tables/media.ts";
import { streams } from "../../schema/tables/streams.ts";
import { audited, bindings, call, db } from "./client.ts";

let operator = "";

beforeAll(async () => {
  operator = await tokenOf(bindings.SLUICE_SECRET, "sluice bootstrap v1");
});

async function tokenOf(secret: string, phrase: string): Promise<string> {
  const encoder = new TextEncoder();
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
  ]);
  return toBase64url(new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(phrase))));
}

const start = (body: Record<string, unknown>) =>
  call("POST", "/internal/bootstrap", {
    token: operator,
    body: { admin_username: "root_1", demo: true, enrol: false, ...body },
  });

test("five first starts at once make one admin and one demo stream", async () => {
  const replies = await Promise.all(Array.from({ length: 5 }, () => start({})));
  expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  for (const { body } of replies) expect(BootstrapReply.parse(body)).toEqual(body);
  const created = replies.filter(({ body }) => body.admin_created);
  expect(created).toHaveLength(1);
  expect(await db.select().from(users)).toMatchObject([{ username: "root_1", role: "superadmin" }]);
  expect(await db.select().from(streams)).toMatchObject([{ title: "Demo", is_public: 1, allow_unauthenticated: 1 }]);
  expect(await audited("user_create")).toHaveLength(1);
  expect(new Set(replies.map(({ body }) => body.demo.stream_key)).size).toBe(1);

  const password = created[0]?.body.admin_password;
  expect(password).toMatch(/^[A-Za-z0-9]{20}$/);
  expect(replies.filter(({ body }) => "admin_password" in body)).toHaveLength(1);
  const login = await call("POST", "/api/token", { body: { username: "root_1", password } });
  expect(login.body.user.is_admin).toBe(true);
  const { demo } = replies[0]?.body ?? {};
  expect((await call("GET", `/api/stream/${demo.stream_key}/info`)).body).toMatchObject({
    public_key: demo.public_key,
    title: "Demo",
  });
});

test("later starts say the same, without the password, whatever name they come with", async () => {
  const { body } = await start({ admin_username: "other", admin_password: "another password" });
  expect(body).toMatchObject({
    admin_created: false,
    admin_username: "root_1",
    demo: { stream_id: expect.any(Number) },
  });
  expect(body).not.toHaveProperty("admin_password");
  expect(body).not.toHaveProperty("enrol_token");
  expect(await db.select().from(users)).toHaveLength(1);
});

test("a demo stream that was deleted is not made again", async () => {
  const { body } = await start({});
  await db.delete(streams).where(eq(streams.id, body.demo.stream_id));
  for (let times = 0; times < 2; times++) expect((await start({})).body.demo).toBeNull();
  expect(await db.select().from(streams)).toEqual([]);
});

test("an enrolment token is given when asked for, each time another, kept as a hash", async () => {
  const [one, two] = [await start({ enrol: true }), await start({ enrol: true })];
  expect(one.body.enrol_token).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(two.body.enrol_token).not.toBe(one.body.enrol_token);
  const rows = await db.select().from(enrolment_tokens);
  expect(rows.map((row) => row.hash)).toContain(await hashKey(one.body.enrol_token));
  expect(JSON.stringify(rows)).not.toContain(one.body.enrol_token);
});

describe("refuses", () => {
  test.each([
    ["no token", () => undefined],
    ["a token of another secret", () => tokenOf("another secret of more than 32 bytes", "sluice bootstrap v1")],
    ["a token of another phrase", () => tokenOf(bindings.SLUICE_SECRET, "sluice bootstrap v2")],
    ["the secret itself", () => bindings.SLUICE_SECRET],
    ["an empty signature", () => "AAAA"],
    ["no base64url", () => "§§§"],
  ])("%s", async (_name, make) => {
    const token = await make();
    const { status } = await call("POST", "/internal/bootstrap", {
      headers: token === undefined ? {} : { authorization: `Bearer ${encodeURI(token)}` },
      body: { admin_username: "root_1", demo: true, enrol: true },
    });
    expect(status).toBe(401);
  });

  test.each([
    { admin_username: "x" },
    { admin_username: "a b c" },
    { admin_password: "short" },
    { admin_password: "x".repeat(129) },
    { demo: "yes" },
    { enrol: undefined },
  ])("%j", async (body) => {
    expect((await start(body)).status).toBe(400);
  });
});
