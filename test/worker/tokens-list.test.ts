/** One's sessions, listed and revoked; and what one did. */
import { eq } from "drizzle-orm";
import { beforeAll, describe, expect, test } from "vitest";
import { ActivityList, AuditLog } from "../../schema/contract/audit.ts";
import { CHAT_CLOSE } from "../../schema/contract/chat-frames.ts";
import { SessionList } from "../../schema/contract/identity.ts";
import { sessions } from "../../schema/tables/identity.ts";
import { createInvite } from "../../workers/identity/create-invite.ts";
import { register } from "../../workers/identity/register.ts";
import { connect, newChannel } from "./chat.ts";
import { audited, bindings, call, db, newUser, PASSWORD, system } from "./client.ts";

type User = Awaited<ReturnType<typeof newUser>>;
type Token = SessionList["tokens"][number];

const list = async ({ token }: User): Promise<Token[]> => (await call("GET", "/api/tokens", { token })).body.tokens;
const revoke = ({ token }: User, token_id: unknown) => call("POST", "/api/token/revoke", { token, body: { token_id } });
const logIn = async ({ username }: User, name: string) =>
  (await call("POST", "/api/token", { body: { username, password: PASSWORD, name } })).body;
const isIn = async (token: string) => (await call("GET", "/api/me", { token })).status === 200;

describe("GET /api/tokens", () => {
  test("shows one's own, newest first, cut as documented and in full, and no token", async () => {
    const user = await newUser();
    await newUser();
    const laptop = await logIn(user, "laptop");
    const reply = await call("GET", "/api/tokens", { token: user.token });
    expect(SessionList.parse(reply.body)).toEqual(reply.body);
    expect(reply.body.tokens).toMatchObject([
      { id: laptop.token_id, token_id: `${laptop.token_id.slice(0, 8)}...`, name: "laptop", current: false },
      { id: user.session, name: null, kind: "token", current: true, revoked: false },
    ]);
    expect(reply.text).not.toContain("eyJ");
  });

  test("leaves out none that is open for those that ended after it", async () => {
    const user = await newUser();
    const ended = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
      INSERT INTO sessions (id, user_id, face, kind, scopes, created_at, expires_at, revoked_at)
      SELECT 'ended ' || i, ?1, 'portal', 'token', '[]', ?2 + i, ?2 + 3600000, ?2 FROM n`;
    await bindings.DB.prepare(ended).bind(user.id, Date.now()).run();
    const tokens = await list(user);
    expect(tokens).toHaveLength(500);
    expect(tokens.at(-1)).toMatchObject({ id: user.session, current: true });
    expect(tokens[0]).toMatchObject({ id: "ended 500", revoked: true });
  });

  test("says by what each was opened, for whoever looks for one that is not theirs", async () => {
    const user = await newUser();
    const body = { username: user.username, password: PASSWORD };
    await call("POST", "/api/token", { body, headers: { "user-agent": "curl/8.14.1" } });
    expect(await list(user)).toMatchObject([{ user_agent: "curl/8.14.1" }, { user_agent: null, ip: null }]);
  });
});

describe("POST /api/token/revoke", () => {
  test("by the whole id: it opens nothing any more, its sockets are closed, it stays in the list", async () => {
    const user = await newUser();
    const laptop = await logIn(user, "laptop");
    const socket = await connect({ authorization: `Bearer ${laptop.token}` });
    await socket.next("connected");
    const reply = await revoke(user, laptop.token_id);
    expect([reply.status, reply.body]).toEqual([200, { status: "revoked", success: true }]);
    expect(await socket.closed).toBe(CHAT_CLOSE.unauthenticated);
    expect(await isIn(laptop.token)).toBe(false);
    expect(await isIn(user.token)).toBe(true);
    expect((await list(user)).map(({ revoked }) => revoked)).toEqual([true, false]);
    expect((await revoke(user, laptop.token_id)).status).toBe(200);
    const rows = (await audited("token_revoke")).filter((row) => row.target_id === laptop.token_id);
    expect(rows).toMatchObject([{ actor_id: String(user.id), target_name: "laptop" }]);
  });

  test("by the beginning of one, as the list shows it", async () => {
    const user = await newUser();
    const laptop = await logIn(user, "laptop");
    expect((await revoke(user, `${laptop.token_id.slice(0, 8)}...`)).status).toBe(200);
    expect(await isIn(laptop.token)).toBe(false);
  });

  test("the beginning of several is 400, and revokes none", async () => {
    const user = await newUser();
    for (const id of ["00000000-a", "00000000-b"]) {
      const [row] = await db.select().from(sessions).where(eq(sessions.id, user.session));
      await db.insert(sessions).values({ ...(row ?? expect.fail()), id });
    }
    expect((await revoke(user, "00000000")).status).toBe(400);
    expect((await list(user)).filter(({ revoked }) => revoked)).toEqual([]);
    expect((await revoke(user, "00000000-a")).status).toBe(200);
  });

  test("one's own, of which it is the current one: signed out", async () => {
    const user = await newUser();
    expect((await revoke(user, user.session)).status).toBe(200);
    expect(await isIn(user.token)).toBe(false);
  });

  test("somebody else's is as unknown as none", async () => {
    const [user, other] = [await newUser(), await newUser("superadmin")];
    for (const id of [other.session, other.session.slice(0, 8), crypto.randomUUID(), "%%%%%%%%", "unknown", "..."]) {
      expect((await revoke(user, id)).status).toBe(404);
    }
    expect(await isIn(other.token)).toBe(true);
    expect((await revoke(user, user.session.slice(0, 7))).status).toBe(404);
    expect(await isIn(user.token)).toBe(true);
    for (const id of ["", undefined, 5, "x".repeat(65)]) expect((await revoke(user, id)).status).toBe(400);
  });
});

describe("GET /api/activity", () => {
  const activity = async ({ token }: User, query = "") => {
    const { body } = await call("GET", `/api/activity${query}`, { token });
    expect(ActivityList.parse(body)).toEqual(body);
    return body.activities;
  };

  test("shows people what they did, and nobody else's", async () => {
    const admin = await newUser("admin");
    const actor = { kind: "user" as const, ...admin, scopes: ["*"], via: "token" as const };
    const { code } = await createInvite({ ...system(), actor }, { type: "single_use" });
    const { id, username } = await register(
      { ...system(), ip: "203.0.113.5" },
      { username: "active", password: PASSWORD, invite_code: code },
    );
    await newUser();
    const login = await call("POST", "/api/token", { body: { username, password: PASSWORD } });
    const mine = await activity(login.body);
    expect(mine).toMatchObject([
      { user_id: id, username, action: "login", detail: "Signed in", ip_address: null },
      { user_id: id, username, action: "register", detail: "Registered", ip_address: "203.0.113.5" },
    ]);
    expect(await activity(login.body, "?limit=1&offset=1")).toEqual([mine[1]]);
    const all = await activity(admin, "?limit=50");
    expect(all).toEqual(expect.arrayContaining(mine));
    expect(new Set(all.map((row: { user_id: number }) => row.user_id)).size).toBeGreaterThan(1);
    const moderator = await newUser("moderator");
    for (const row of await activity(moderator, "?limit=50")) expect(row.user_id).toBe(moderator.id);
  });

  test.each(["limit=0", "limit=51", "limit=x", "offset=-1"])("%s is a bad request", async (query) => {
    expect((await call("GET", `/api/activity?${query}`, { token: (await newUser()).token })).status).toBe(400);
  });
});

describe("GET /api/admin/audit-log", () => {
  let moderator: User;
  let channel = 0;
  beforeAll(async () => {
    moderator = await newUser("moderator");
    channel = await newChannel(moderator);
    const admin = await newUser("admin");
    await call("PUT", `/api/users/${(await newUser()).id}/role`, { token: admin.token, body: { role: "moderator" } });
  });
  const log = async (query = ""): Promise<AuditLog> => {
    const { body } = await call("GET", `/api/admin/audit-log${query}`, { token: moderator.token });
    expect(AuditLog.parse(body)).toEqual(body);
    return body;
  };

  test("shows what moderators and admins did, and not what people do for themselves", async () => {
    const { entries, total } = await log();
    expect(entries).toHaveLength(total);
    const actions = new Set(entries.map(({ action }) => action as string));
    expect(actions).toEqual(new Set(["role_change", "channel_create", "invite_code_create"]));
    expect(entries.find(({ action }) => action === "role_change")).toMatchObject({
      target_type: "user",
      details: { old_role: "user", new_role: "moderator" },
      channel_id: null,
    });
    expect(entries.find(({ action }) => action === "channel_create")).toMatchObject({
      actor_id: moderator.id,
      actor_username: moderator.username,
      target_id: channel,
      channel_id: channel,
      channel_name: expect.stringContaining("channel-"),
    });
    expect(JSON.stringify(entries)).not.toMatch(/203\.0\.113|ip/);
  });

  test("by action, actor, channel, time and page", async () => {
    const actions = async (query: string) => (await log(query)).entries.map(({ action }) => action);
    expect(await actions("?action=role_change")).toEqual(["role_change"]);
    expect(await actions(`?actor_id=${moderator.id}`)).toEqual(["channel_create"]);
    expect(await actions(`?channel_id=${channel}`)).toEqual(["channel_create"]);
    expect(await actions(`?since=${encodeURIComponent(new Date(Date.now() + 1000).toISOString())}`)).toEqual([]);
    expect((await log("?since=2026-01-01")).total).toBe((await log()).total);
    const page = await log("?limit=1&offset=1");
    expect(page.entries).toEqual([(await log()).entries[1]]);
    expect(page.total).toBe((await log()).total);
  });

  test.each(["action=login", "action=x", "actor_id=x", "since=yesterday", "limit=201", "limit=0"])(
    "%s is a bad request",
    async (query) => {
      expect((await call("GET", `/api/admin/audit-log?${query}`, { token: moderator.token })).status).toBe(400);
    },
  );

  test("is for moderators", async () => {
    expect((await call("GET", "/api/admin/audit-log", { token: (await newUser()).token })).status).toBe(403);
    expect((await call("GET", "/api/admin/audit-log")).status).toBe(401);
  });
});
