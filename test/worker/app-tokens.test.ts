/** `sk_` tokens of the apps face: who may make, see and revoke them, and from where they count. */
import { eq, sql } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { AppTokenList } from "../../schema/contract/apps-identity.ts";
import { hashKey, keyPrefix, newKey } from "../../schema/kit/keys.ts";
import { app_tokens, users } from "../../schema/tables/identity.ts";
import { session } from "./access-callers.ts";
import { audited, call, db, newUser } from "./client.ts";

type Bearer = { token: string };
const tokens = (method: string, { token }: Bearer, path = "", body?: unknown) =>
  call(method, `/api/v1/tokens${path}`, { token, ...(body !== undefined && { body }) });
const GLOBAL = { name: "ci", scope: "global" };
const make = async (maker: Bearer, fields: object = {}): Promise<Bearer & { id: number }> =>
  (await tokens("POST", maker, "", { ...GLOBAL, ...fields })).body;
const status = async (token: string, headers: Record<string, string> = {}) =>
  (await call("GET", "/api/v1/auth/me", { token, headers })).status;

/** A token of one app, as soon as there are any. */
async function appToken(owner: { id: number }, app_id: number): Promise<Bearer> {
  const token = newKey("sk_");
  const made = { name: "app", created_by: owner.id, created_at: Date.now() };
  await db.insert(app_tokens).values({ ...made, token_hash: await hashKey(token), scope: "app", app_id });
  return { token };
}

describe("making one", () => {
  test("shows it once; it counts, and is kept as a hash", async () => {
    const admin = await newUser("admin");
    const { status: created, body } = await tokens("POST", admin, "", GLOBAL);
    expect([created, body]).toEqual([201, { id: expect.any(Number), token: expect.stringMatching(/^sk_[\w-]{43}$/) }]);
    expect(keyPrefix(body.token)).toBe("sk_");
    expect((await call("GET", "/api/v1/auth/me", { token: body.token })).body).toMatchObject({
      role: "service",
      scope: "global",
      via: "api_token",
    });
    const row = await db.select().from(app_tokens).where(eq(app_tokens.id, body.id)).get();
    expect(row).toMatchObject({ name: "ci", scope: "global", app_id: null, allowed_ips: null, created_by: admin.id });
    expect(JSON.stringify(row)).not.toContain(body.token.slice(3));
    expect((await audited("app_token_create")).at(-1)).toMatchObject({
      actor_id: String(admin.id),
      target_id: String(body.id),
      target_name: "ci",
      details: { scope: "global" },
    });
  });

  test("by a token that is not for one app: it goes with the same account", async () => {
    const admin = await newUser("superadmin");
    const made = await make(await make(admin));
    expect(await status(made.token)).toBe(200);
    const row = await db.select().from(app_tokens).where(eq(app_tokens.id, made.id)).get();
    expect(row?.created_by).toBe(admin.id);
    expect((await audited("app_token_create")).at(-1)).toMatchObject({ actor_kind: "app_token" });
  });

  test("as the list says it, with null for what there is none of; a number will do for a name", async () => {
    const { id } = await make(await newUser("admin"), { name: 7, appId: null, allowedIps: null });
    const row = await db.select().from(app_tokens).where(eq(app_tokens.id, id)).get();
    expect(row).toMatchObject({ name: "7", scope: "global", app_id: null, allowed_ips: null });
  });

  test("sent again with its Idempotency-Key, the request makes no second one", async () => {
    const admin = await newUser("admin");
    const headers = { "idempotency-key": crypto.randomUUID() };
    const ask = () => call("POST", "/api/v1/tokens", { token: admin.token, headers, body: GLOBAL });
    const [first, second] = [await ask(), await ask()];
    expect([second.status, second.body]).toEqual([201, first.body]);
    expect(await db.$count(app_tokens, eq(app_tokens.created_by, admin.id))).toBe(1);

    // A token has keys of its own, and each token its own.
    const made = [];
    for (const { token } of [first.body, await make(admin)]) {
      const again = () => call("POST", "/api/v1/tokens", { token, headers, body: GLOBAL });
      const [once, twice] = [await again(), await again()];
      expect([twice.status, twice.body]).toEqual([201, once.body]);
      made.push(once.body.id);
    }
    expect(new Set([...made, first.body.id]).size).toBe(3);
    expect(await db.$count(app_tokens, eq(app_tokens.created_by, admin.id))).toBe(4);
  });

  test.each([
    [{ name: "" }, "name"],
    [{ name: "x".repeat(101) }, "name"],
    [{ name: "a\nb" }, "name"],
    [{ name: "a\u202eb" }, "name"],
    [{ name: "\u3164" }, "name"],
    [{ name: null }, "name"],
    [{ scope: "all" }, "scope"],
    [{ scope: undefined }, "scope"],
    [{ scope: "app" }, "appId"],
    [{ scope: "app", appId: null }, "appId"],
    [{ appId: 1 }, "appId"],
    [{ scope: "app", appId: 1 }, "appId"],
    [{ scope: "app", appId: "1" }, "appId"],
    [{ allowedIps: "192.0.2.1" }, "allowedIps"],
    [{ allowedIps: ["192.0.2.256"] }, "allowedIps.0"],
    [{ allowedIps: ["192.0.2.0/33"] }, "allowedIps.0"],
    [{ allowedIps: ["2001:db8::/32"] }, "allowedIps.0"],
    [{ allowedIps: ["example.com"] }, "allowedIps.0"],
    [{ allowedIps: ["127.1"] }, "allowedIps.0"],
    [{ allowedIps: Array.from({ length: 101 }, () => "192.0.2.1") }, "allowedIps"],
  ])("%j is refused by name", async (fields, field) => {
    const admin = await newUser("admin");
    const { status: refused, body } = await tokens("POST", admin, "", { ...GLOBAL, ...fields });
    expect([refused, body.message[0]]).toEqual([400, expect.stringMatching(new RegExp(`^${field} `))]);
    expect(await db.$count(app_tokens, eq(app_tokens.created_by, admin.id))).toBe(0);
  });
});

describe("who may", () => {
  test.each(["user", "moderator"] as const)("a %s may not", async (role) => {
    const user = await newUser(role);
    const replies = [
      await tokens("GET", user),
      await tokens("POST", user, "", GLOBAL),
      await tokens("DELETE", user, "/1"),
    ];
    expect(replies.map((reply) => [reply.status, reply.body.error])).toEqual(Array(3).fill([403, "Forbidden"]));
  });

  test("nor may an admin's session that is narrowed, nor a token of one app, nor nobody", async () => {
    const admin = await newUser("admin");
    for (const bearer of [await session(admin, ["access:*"], 60_000), await appToken(admin, 1)]) {
      expect((await tokens("POST", bearer, "", GLOBAL)).status).toBe(403);
      expect((await tokens("GET", bearer)).status).toBe(403);
    }
    expect((await call("GET", "/api/v1/tokens")).status).toBe(401);
  });
});

test("the list has all of them, whoever made them, and none of what they are", async () => {
  const [admin, other] = [await newUser("admin"), await newUser("superadmin")];
  const mine = await make(admin, { name: "mine", allowedIps: ["192.0.2.0/24", "2001:db8::1"] });
  const theirs = await make(other, { name: "theirs" });
  await status(theirs.token);
  const { status: ok, body, text } = await tokens("GET", admin);
  expect([ok, AppTokenList.parse(body)]).toEqual([200, body]);
  expect(body.slice(0, 2)).toMatchObject([
    { id: theirs.id, name: "theirs", allowedIps: null, lastUsedAt: expect.any(String), revoked: false },
    { id: mine.id, name: "mine", allowedIps: ["192.0.2.0/24", "2001:db8::1"], lastUsedAt: null, appId: null },
  ]);
  expect(text).not.toContain("sk_");
});

test("however many were revoked since, the list leaves out none that counts", async () => {
  const admin = await newUser("admin");
  const mine = await make(admin, { name: "mine" });
  await db.run(sql`
    INSERT INTO ${app_tokens} (name, token_hash, scope, created_by, created_at, revoked_at)
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
    SELECT 'old', 'old ' || i, 'global', ${admin.id}, 1, 1 FROM n`);
  const { body } = await tokens("GET", admin);
  const ids = (body as AppTokenList).map(({ id }) => id);
  expect(ids).toHaveLength(500);
  expect(ids).toContain(mine.id);
  expect(ids).toEqual([...ids].sort((a, b) => b - a));
  await db.delete(app_tokens).where(eq(app_tokens.name, "old"));
});

describe("revoking one", () => {
  test("it opens nothing from then on, and stays in the list; a second time changes nothing", async () => {
    const admin = await newUser("admin");
    const made = await make(admin);
    expect(await status(made.token)).toBe(200);
    const { status: first, text } = await tokens("DELETE", admin, `/${made.id}`);
    expect([first, text]).toEqual([204, ""]);
    expect(await status(made.token)).toBe(401);
    expect((await tokens("DELETE", admin, `/${made.id}`)).status).toBe(204);
    expect((await tokens("GET", admin)).body).toContainEqual(expect.objectContaining({ id: made.id, revoked: true }));
    const rows = (await audited("app_token_revoke")).filter(({ target_id }) => target_id === String(made.id));
    expect(rows).toMatchObject([{ actor_id: String(admin.id), target_name: "ci" }]);
  });

  test("one that was revoked makes none, even where it is still believed", async () => {
    const admin = await newUser("admin");
    const made = await make(admin);
    expect(await status(made.token)).toBe(200);
    // As another isolate does it.
    await db.update(app_tokens).set({ revoked_at: Date.now() }).where(eq(app_tokens.id, made.id));
    expect((await tokens("POST", made, "", GLOBAL)).status).toBe(401);
  });

  test.each(["999999", "0", "abc", "1.5"])("%s is none", async (id) => {
    const { status: refused, body } = await tokens("DELETE", await newUser("admin"), `/${id}`);
    expect([refused, body.error]).toEqual([400, "Bad Request"]);
  });
});

describe("from where one counts", () => {
  const from = (ip: string) => ({ "cf-connecting-ip": ip });

  test.each([
    ["198.51.100.7", ["198.51.100.7"], 200],
    ["198.51.100.8", ["198.51.100.7"], 401],
    ["198.51.100.8", ["198.51.100.7", "198.51.100.8/31"], 200],
    ["192.0.2.255", ["192.0.2.0/24"], 200],
    ["192.0.3.0", ["192.0.2.0/24"], 401],
    ["203.0.113.9", ["0.0.0.0/0"], 200],
    ["2001:db8::1", ["2001:0DB8:0:0::0001"], 200],
    ["2001:db8::2", ["2001:db8::1"], 401],
    ["2001:db8::2", ["0.0.0.0/0"], 401],
    ["::ffff:192.0.2.4", ["192.0.2.4"], 200],
    ["192.0.2.4", ["::ffff:192.0.2.4"], 200],
    ["203.0.113.9", [], 200],
  ])("%s of %j: %i", async (ip, allowedIps, expected) => {
    const { token } = await make(await newUser("admin"), { allowedIps });
    expect(await status(token, from(ip))).toBe(expected);
  });

  test("not from an address that nobody vouches for", async () => {
    const { token } = await make(await newUser("admin"), { allowedIps: ["0.0.0.0/0", "::1"] });
    expect(await status(token)).toBe(401);
    expect(await status(token, { "x-forwarded-for": "192.0.2.1" })).toBe(401);
  });
});

describe("what becomes of the account", () => {
  test.each([
    ["is deleted", { deleted_at: Date.now() }],
    ["may make none any more", { role: "moderator" as const }],
  ])("its tokens do not count when it %s", async (_, change) => {
    const admin = await newUser("admin");
    const { token } = await make(admin);
    const another = await make({ token });
    await db.update(users).set(change).where(eq(users.id, admin.id));
    expect([await status(token), await status(another.token)]).toEqual([200, 401]);
  });

  test("a demotion counts at once where it is made", async () => {
    const [root, admin] = [await newUser("superadmin"), await newUser("admin")];
    const { token } = await make(admin);
    expect(await status(token)).toBe(200);
    await call("PUT", `/api/users/${admin.id}/role`, { token: root.token, body: { role: "user" } });
    expect(await status(token)).toBe(401);
  });
});
