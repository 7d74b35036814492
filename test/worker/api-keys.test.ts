/** `portal_` keys: what they open, for how long, and what ends them. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { eq } from "drizzle-orm";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CHAT_CLOSE } from "../../schema/contract/chat-frames.ts";
import { ApiKeyList, CreatedApiKey } from "../../schema/contract/credentials.ts";
import { hashKey, keyPrefix, newKey } from "../../schema/kit/keys.ts";
import { api_keys, sessions, users } from "../../schema/tables/identity.ts";
import { gatewayName } from "../../workers/chat/gateway-name.ts";
import { forgetApiKeys } from "../../workers/identity/api-keys.ts";
import { eventually } from "../harness/eventually.ts";
import { connect } from "./chat.ts";
import { audited, bindings, call, db, logged, newUser, PASSWORD, system } from "./client.ts";

type User = Awaited<ReturnType<typeof newUser>>;

let ada: User;
let admin: User;
let root: User;
let names = 0;

beforeAll(async () => {
  [ada, admin, root] = [await newUser("user", "ada"), await newUser("admin"), await newUser("superadmin")];
});
beforeEach(() => {
  logged("warn");
});

const post = ({ token }: { token: string }, body: unknown) => call("POST", "/api/api-keys", { token, body });
const list = async ({ token }: { token: string }) => {
  const { body } = await call("GET", "/api/api-keys", { token });
  expect(ApiKeyList.parse(body)).toEqual(body);
  return ApiKeyList.parse(body).api_keys;
};
const revoke = ({ token }: { token: string }, id: number) => call("POST", `/api/api-keys/${id}/revoke`, { token });
const remove = ({ token }: { token: string }, id: number) => call("DELETE", `/api/api-keys/${id}`, { token });

async function newApiKey(user: User, fields: Record<string, unknown> = {}): Promise<CreatedApiKey> {
  const { status, text, body } = await post(user, { name: `key ${++names}`, ...fields });
  if (status !== 201) throw new Error(`no key: ${status} ${text}`);
  return CreatedApiKey.parse(body);
}

/** Whose it is to the API, or the status. */
async function whois(key: string): Promise<string | number> {
  const { status, body } = await call("GET", "/api/me", { token: key });
  return status === 200 ? body.username : status;
}

describe("POST /api/api-keys", () => {
  test("makes a key that is shown this once, in its documented shape", async () => {
    const before = Date.now();
    const reply = await post(ada, { name: "  backup script ", expires_in_days: 30 });
    expect(reply.status).toBe(201);
    const made = CreatedApiKey.parse(reply.body);
    expect(made).toEqual(reply.body);
    expect(made.api_key).toMatch(/^portal_[0-9a-f]{64}$/);
    expect(keyPrefix(made.api_key)).toBe("portal_");
    expect(made).toMatchObject({
      name: "backup script",
      key: made.api_key,
      key_prefix: made.api_key.slice(0, 10),
      prefix: made.key_prefix,
      scopes: "services:read,access:*",
    });
    const lasts = Date.parse(made.expires_at ?? "") - before;
    expect(Math.round(lasts / 86_400_000)).toBe(30);
    expect(await whois(made.api_key)).toBe("ada");
    const [row] = await db.select().from(api_keys).where(eq(api_keys.id, made.id));
    expect(JSON.stringify(row)).not.toContain(made.api_key);
    expect(row?.key_hash).toBe(await hashKey(made.api_key));
    const listed = await call("GET", "/api/api-keys", { token: ada.token });
    expect(listed.text).not.toContain(made.api_key);
    expect((await audited("api_key_create")).at(-1)).toMatchObject({
      actor_id: String(ada.id),
      target_type: "api_key",
      target_id: String(made.id),
      target_name: "backup script",
    });
    for (const row of await audited("api_key_create")) expect(JSON.stringify(row)).not.toContain(made.api_key);
  });

  test("takes expires_days too, and does not expire when neither is said", async () => {
    expect((await newApiKey(ada, { expires_days: 1 })).expires_at).not.toBeNull();
    expect((await newApiKey(ada, { expires_in_days: null })).expires_at).toBeNull();
    expect((await newApiKey(ada)).expires_at).toBeNull();
  });

  test.each([
    [{}, "name"],
    [{ name: "" }, "name"],
    [{ name: "x".repeat(101) }, "name"],
    [{ name: "a\nb" }, "name"],
    [{ name: "a\u2028b" }, "name"],
    [{ name: "a\u202eb" }, "name"],
    [{ name: "backup\u200b" }, "name"],
    [{ name: "\u3164" }, "name"],
    [{ name: "x", scopes: "a b" }, "scopes"],
    [{ name: "x", scopes: "a,,b" }, "scopes"],
    [{ name: "x", scopes: ["*"] }, "scopes"],
    [{ name: "x", expires_in_days: 0 }, "expires_in_days"],
    [{ name: "x", expires_in_days: 1.5 }, "expires_in_days"],
    [{ name: "x", expires_in_days: 1e9 }, "expires_in_days"],
  ])("%j is a bad request, which names %s", async (body, field) => {
    const reply = await post(ada, body);
    expect(reply).toMatchObject({ status: 400, body: { error: expect.stringContaining(field) } });
  });

  test("a name is used once by an account, revoked or not, and again once it is deleted", async () => {
    const key = await newApiKey(ada, { name: "twice" });
    await revoke(ada, key.id);
    const headers = { accept: "application/problem+json", authorization: `Bearer ${ada.token}` };
    const again = await call("POST", "/api/api-keys", { headers, body: { name: "twice" } });
    expect(again).toMatchObject({ status: 400, body: { errors: [{ field: "name", message: "is taken" }] } });
    expect((await newApiKey(admin, { name: "twice" })).name).toBe("twice");
    await remove(ada, key.id);
    expect((await newApiKey(ada, { name: "twice" })).id).toBeGreaterThan(key.id);
  });

  test("a name is what people see of it", async () => {
    expect((await newApiKey(ada, { name: "cafe\u0301 👩‍💻" })).name).toBe("café 👩‍💻");
    expect((await post(ada, { name: "café 👩‍💻" })).status).toBe(400);
  });

  test("of any number that take a name at once, one does", async () => {
    const replies = await Promise.all(Array.from({ length: 8 }, () => post(ada, { name: "racing" })));
    expect(replies.map(({ status }) => status).sort()).toEqual([201, ...Array(7).fill(400)]);
  });

  test("an account has at most 100, whatever comes at once", async () => {
    const busy = await newUser();
    const row = { user_id: busy.id, key_prefix: "portal_000", scopes: [], created_at: 1 };
    const rows = Array.from({ length: 98 }, (_, n) => ({ ...row, name: `n${n}`, key_hash: `${busy.id} ${n}` }));
    for (const each of rows) await db.insert(api_keys).values(each);
    const replies = await Promise.all(Array.from({ length: 6 }, (_, n) => post(busy, { name: `more ${n}` })));
    expect(replies.map(({ status }) => status).sort()).toEqual([201, 201, 400, 400, 400, 400]);
    expect(replies.find(({ status }) => status === 400)?.body.error).toContain("At most 100");
    expect(await list(busy)).toHaveLength(100);
    const [first] = await list(busy);
    await remove(busy, first?.id ?? 0);
    expect((await post(busy, { name: "room again" })).status).toBe(201);
  });
});

describe("scopes", () => {
  test("accounts that are not admin get theirs, whatever they ask for", async () => {
    for (const scopes of ["*", "admin", "services:read", "x:y,z"]) {
      expect((await newApiKey(ada, { scopes })).scopes).toBe("services:read,access:*");
    }
  });

  test("an admin's key has what was asked for, and does no more", async () => {
    const [narrow, wide] = [
      await newApiKey(admin, { scopes: "services:read, services:read,x:y" }),
      await newApiKey(admin),
    ];
    expect([narrow.scopes, wide.scopes]).toEqual(["services:read,x:y", "*"]);
    const users = async (token: string) => (await call("GET", "/api/users", { token })).status;
    expect([await users(narrow.key), await users(wide.key)]).toEqual([403, 200]);
    expect((await call("GET", "/api/me", { token: narrow.key })).body.scopes).toEqual(["services:read", "x:y"]);
  });

  test("a session that is narrowed makes no key that may do more than itself", async () => {
    const login = await call("POST", "/api/token", {
      body: { username: admin.username, password: PASSWORD, scopes: ["services:read", "access:*"] },
    });
    const body = (scopes?: string) => ({ name: `narrowed ${++names}`, scopes });
    expect((await post(login.body, body())).body.scopes).toBe("services:read,access:*");
    expect((await post(login.body, body("*"))).body.scopes).toBe("services:read,access:*");
    expect((await post(login.body, body("access:nas,admin"))).body.scopes).toBe("access:nas");
    expect((await post(login.body, body("admin"))).status).toBe(400);
  });

  test("whoever is no admin any more has no key of an admin any more, at once", async () => {
    const falls = await newUser("admin");
    const key = await newApiKey(falls);
    const admins = () => call("GET", "/api/invite-code", { token: key.key });
    expect((await admins()).status).toBe(200);
    const role = (to: string) => call("PUT", `/api/users/${falls.id}/role`, { token: root.token, body: { role: to } });
    expect((await role("user")).status).toBe(200);
    expect((await admins()).status).toBe(403);
    const { body } = await call("GET", "/api/me", { token: key.key });
    expect([body.role, body.scopes]).toEqual(["user", ["services:read", "access:*"]]);
    await role("admin");
    expect((await admins()).status).toBe(200);
  });
});

describe("a key", () => {
  test.each([
    ["Authorization: Bearer", (key: string) => ({ headers: { authorization: `Bearer ${key}` } })],
    ["Authorization: Api-Key", (key: string) => ({ headers: { authorization: `Api-Key ${key}` } })],
    ["Authorization: api-key", (key: string) => ({ headers: { authorization: `api-key ${key}` } })],
    ["X-API-Key", (key: string) => ({ headers: { "x-api-key": key } })],
    ["?token=", (key: string) => ({ query: `?token=${key}` })],
  ])("is taken as %s", async (_, given) => {
    const { headers = {}, query = "" } = given((await newApiKey(ada)).key) as {
      headers?: Record<string, string>;
      query?: string;
    };
    expect((await call("GET", `/api/me${query}`, { headers })).body.username).toBe("ada");
  });

  test("that is not ours opens nothing, by none of its forms", async () => {
    const { key } = await newApiKey(ada);
    const last = key.endsWith("0") ? "1" : "0";
    for (const wrong of [newKey("portal_"), key.slice(0, -1) + last, key.slice(0, -2), "portal_", `${key}00`]) {
      expect(await whois(wrong)).toBe(401);
      expect((await call("GET", "/api/me", { headers: { "x-api-key": wrong } })).status).toBe(401);
      expect((await call("GET", `/api/me?token=${wrong}`)).status).toBe(401);
    }
    expect((await call("GET", "/api/me", { headers: { "x-stream-key": key } })).status).toBe(401);
    expect((await call("GET", "/api/me", { headers: { cookie: `portal_session=${key}` } })).status).toBe(401);
  });

  test("opens the portal only, not the apps face or the recorder", async () => {
    const { key } = await newApiKey(root);
    const forms: Record<string, string>[] = [{ authorization: `Bearer ${key}` }, { "x-api-key": key }];
    for (const headers of forms) {
      expect((await call("GET", "/api/v1/account", { headers })).status).toBe(401);
      expect((await call("GET", "/api/v1/tokens", { headers })).status).toBe(401);
      expect((await call("POST", "/api/auth/refresh", { headers })).status).toBe(401);
    }
    expect((await call("GET", `/api/v1/account?token=${key}`)).status).toBe(401);
    expect((await call("GET", "/api/v1/account", { token: root.token })).status).toBe(200);
  });

  test("says when it was used last", async () => {
    const key = await newApiKey(ada);
    const shown = async () => (await list(ada)).find(({ id }) => id === key.id)?.last_used_at;
    expect(await shown()).toBeNull();
    await whois(key.key);
    await eventually(async () => expect(Date.parse((await shown()) ?? "")).toBeGreaterThan(Date.now() - 60_000));
  });

  test("that has expired opens nothing", async () => {
    const key = await newApiKey(ada, { expires_in_days: 1 });
    expect(await whois(key.key)).toBe("ada");
    await db
      .update(api_keys)
      .set({ expires_at: Date.now() - 1 })
      .where(eq(api_keys.id, key.id));
    forgetApiKeys(ada.id);
    expect(await whois(key.key)).toBe(401);
  });

  test("opens nothing that must be done in person", async () => {
    const key = await newApiKey(admin);
    const token = key.key;
    expect((await call("GET", "/api/api-keys", { token })).status).toBe(403);
    expect((await call("POST", "/api/api-keys", { token, body: { name: "child" } })).status).toBe(403);
    expect((await call("POST", `/api/api-keys/${key.id}/revoke`, { token })).status).toBe(403);
    expect((await call("DELETE", `/api/api-keys/${key.id}`, { token })).status).toBe(403);
    expect((await call("GET", "/api/tokens", { token })).status).toBe(403);
    expect((await list(admin)).map(({ name }) => name)).not.toContain("child");
  });

  test("outlives another password of its account", async () => {
    const user = await newUser();
    const { key } = await newApiKey(user);
    const body = { current_password: PASSWORD, new_password: `${PASSWORD} 2` };
    expect((await call("POST", "/api/me/password", { token: user.token, body })).status).toBe(200);
    expect(await whois(key)).toBe(user.username);
    const reset = { new_password: PASSWORD };
    await call("POST", `/api/users/${user.id}/reset-password`, { token: root.token, body: reset });
    expect(await whois(key)).toBe(user.username);
  });

  test("goes with its account, at once", async () => {
    const user = await newUser();
    const { id, key } = await newApiKey(user);
    expect(await whois(key)).toBe(user.username);
    await db.update(users).set({ deleted_at: Date.now() }).where(eq(users.id, user.id));
    forgetApiKeys(user.id);
    expect(await whois(key)).toBe(401);
    await db.update(users).set({ deleted_at: null }).where(eq(users.id, user.id));
    expect(await whois(key)).toBe(user.username);
    expect((await call("DELETE", `/api/users/${user.id}`, { token: root.token })).status).toBe(200);
    expect(await whois(key)).toBe(401);
    expect(await db.select().from(api_keys).where(eq(api_keys.id, id))).toEqual([]);
  });

  test("is not made in a session that has been revoked, though this isolate still believes it", async () => {
    const user = await newUser();
    expect((await call("GET", "/api/me", { token: user.token })).status).toBe(200);
    await db.update(sessions).set({ revoked_at: Date.now() }).where(eq(sessions.id, user.session));
    expect((await post(user, { name: "too late" })).status).toBe(401);
    expect(await db.select().from(api_keys).where(eq(api_keys.user_id, user.id))).toEqual([]);
  });
});

describe("the end of a key", () => {
  test("revoked it stays in the list and opens nothing, at once; a second time changes nothing", async () => {
    const key = await newApiKey(ada);
    expect(await whois(key.key)).toBe("ada");
    const reply = await revoke(ada, key.id);
    expect([reply.status, reply.body]).toEqual([200, { status: "revoked" }]);
    expect(await whois(key.key)).toBe(401);
    expect((await revoke(ada, key.id)).status).toBe(200);
    expect((await list(ada)).find(({ id }) => id === key.id)).toMatchObject({ revoked: true, name: key.name });
    const rows = (await audited("api_key_revoke")).filter(({ target_id }) => target_id === String(key.id));
    expect(rows).toMatchObject([{ actor_id: String(ada.id), target_name: key.name }]);
  });

  test("deleted it is gone, at once", async () => {
    const key = await newApiKey(ada);
    expect(await whois(key.key)).toBe("ada");
    const reply = await remove(ada, key.id);
    expect([reply.status, reply.body]).toEqual([200, { status: "deleted" }]);
    expect(await whois(key.key)).toBe(401);
    expect((await list(ada)).map(({ id }) => id)).not.toContain(key.id);
    expect((await remove(ada, key.id)).status).toBe(404);
    expect((await audited("api_key_delete")).at(-1)).toMatchObject({ target_id: String(key.id) });
  });

  test("somebody else's is nobody's, whoever asks", async () => {
    const key = await newApiKey(ada);
    for (const other of [await newUser(), await newUser("moderator"), admin, root]) {
      expect((await revoke(other, key.id)).status).toBe(404);
      expect((await remove(other, key.id)).status).toBe(404);
      expect((await list(other)).map(({ id }) => id)).not.toContain(key.id);
    }
    for (const path of [`/api/api-keys/${key.id}/revoke`, "/api/api-keys/x/revoke"]) {
      expect((await call("POST", path)).status).not.toBe(200);
    }
    expect((await revoke(ada, 999_999_999)).status).toBe(404);
    expect((await call("DELETE", "/api/api-keys/x", { token: ada.token })).status).toBe(400);
    expect(await whois(key.key)).toBe("ada");
  });

  test("the list is newest first", async () => {
    const ids = (await list(ada)).map(({ id }) => id);
    expect(ids).toEqual(ids.toSorted((a, b) => b - a));
    expect(ids.length).toBeGreaterThan(5);
  });
});

describe("chat sockets of a key", () => {
  const named = async (headers: Record<string, string>) => {
    const socket = await connect(headers);
    expect((await socket.next("connected")).user?.username).toBe("ada");
    return socket;
  };

  test.each([
    ["revoked", revoke],
    ["deleted", remove],
  ])("are closed when it is %s, and no others", async (_, end) => {
    const [key, other] = [await newApiKey(ada), await newApiKey(ada)];
    const mine = await named({ "x-api-key": key.key });
    const others = [await named({ "x-api-key": other.key }), await named({ authorization: `Bearer ${ada.token}` })];
    expect((await end(ada, key.id)).status).toBe(200);
    expect(await mine.closed).toBe(CHAT_CLOSE.unauthenticated);
    expect(CHAT_CLOSE.unauthenticated).toBe(4401);
    for (const socket of others) {
      socket.send({ type: "join" });
      expect(await socket.next("channel_info")).toMatchObject({ name: "general", can_send: true });
    }
    const refused = await connect({ "x-api-key": key.key });
    expect(await refused.closed).toBe(4401);
  });

  test("are closed when it expires", async () => {
    const key = await newApiKey(ada, { expires_in_days: 1 });
    await db
      .update(api_keys)
      .set({ expires_at: Date.now() + 1_500 })
      .where(eq(api_keys.id, key.id));
    const socket = await named({ "x-api-key": key.key });
    const gateway = bindings.CHAT_GATEWAY.getByName(gatewayName(system().settings, null, String(ada.id)));
    await eventually(async () => {
      await runDurableObjectAlarm(gateway as unknown as DurableObjectStub);
      expect(socket.texts.join()).toContain("unauthenticated");
    });
    expect(await socket.closed).toBe(4401);
  });

  test("do what its account may: an admin's that is narrowed moderates nothing", async () => {
    const [wide, narrow] = [await newApiKey(admin), await newApiKey(admin, { scopes: "services:read" })];
    for (const [{ key }, can_moderate] of [[wide, true] as const, [narrow, false] as const]) {
      const socket = await connect({ "x-api-key": key });
      socket.send({ type: "join" });
      expect(await socket.next("channel_info")).toMatchObject({ can_send: true, can_moderate });
    }
  });

  test("a key that is wrong is no guest", async () => {
    const socket = await connect({ "x-api-key": newKey("portal_") });
    expect(await socket.next("error")).toMatchObject({ error_code: "unauthenticated" });
    expect(await socket.closed).toBe(4401);
  });
});
