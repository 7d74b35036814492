/** One's own account: password, and what others see of it. */
import { eq } from "drizzle-orm";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CHAT_CLOSE } from "../../schema/contract/chat-frames.ts";
import type { Actor } from "../../schema/contract/identity.ts";
import { sessions, users } from "../../schema/tables/identity.ts";
import { changeNickname } from "../../workers/identity/change-profile.ts";
import { countAttempt, FAILURES_MAX } from "../../workers/identity/login-failures.ts";
import { connect, newChannel } from "./chat.ts";
import { audited, bindings, call, db, logged, newStream, newUser, PASSWORD, system } from "./client.ts";

type User = Awaited<ReturnType<typeof newUser>>;
let ada: User;
beforeAll(async () => {
  ada = await newUser("user", "ada");
});
beforeEach(() => {
  logged("warn");
});

const put = (what: string, body: unknown, by = ada) => call("PUT", `/api/me/${what}`, { token: by.token, body });
const me = async (by = ada) => (await call("GET", "/api/me", { token: by.token })).body;
const NEW = "a new password";

describe("POST /api/me/password", () => {
  const change = (by: User, body: Record<string, unknown>) =>
    call("POST", "/api/me/password", { token: by.token, body });
  const logIn = (by: User, password: string) =>
    call("POST", "/api/token", { body: { username: by.username, password } });

  test("takes the new one only; other sessions end with their sockets, this one stays", async () => {
    const user = await newUser();
    const other = (await logIn(user, PASSWORD)).body.token;
    const [ends, stays] = [
      await connect({ authorization: `Bearer ${other}` }),
      await connect({ authorization: `Bearer ${user.token}` }),
    ];
    for (const socket of [ends, stays]) await socket.next("connected");
    const reply = await change(user, { current_password: PASSWORD, new_password: NEW });
    expect([reply.status, Object.keys(reply.body)]).toEqual([200, ["message"]]);
    expect(await ends.closed).toBe(CHAT_CLOSE.unauthenticated);
    expect((await call("GET", "/api/me", { token: other })).status).toBe(401);
    expect((await me(user)).username).toBe(user.username);
    stays.send({ type: "ping" });
    await stays.next("pong");
    expect((await logIn(user, PASSWORD)).status).toBe(401);
    expect((await logIn(user, NEW)).status).toBe(200);
    const row = (await audited("password_change")).at(-1);
    expect(row).toMatchObject({ actor_id: String(user.id), target_id: String(user.id) });
    expect(JSON.stringify(row)).not.toMatch(/password"|argon2/);
  });

  test("a wrong current one is 401, and counts as a failed login", async () => {
    const user = await newUser();
    for (let n = 0; n < FAILURES_MAX - 1; n++) await countAttempt(system(), user.username);
    const wrong = { current_password: "wrong", new_password: NEW };
    expect(await change(user, wrong)).toMatchObject({ status: 401, body: { error: "The current password is wrong" } });
    expect((await change(user, { current_password: PASSWORD, new_password: NEW })).status).toBe(429);
    expect((await logIn(user, PASSWORD)).status).toBe(429);
    expect((await me(user)).id).toBe(user.id);
  });

  test("is not changed by a session that has been revoked, though this isolate still believes it", async () => {
    const user = await newUser();
    expect((await me(user)).id).toBe(user.id);
    await db.update(sessions).set({ revoked_at: Date.now() }).where(eq(sessions.id, user.session));
    expect((await change(user, { current_password: PASSWORD, new_password: NEW })).status).toBe(401);
    expect((await logIn(user, PASSWORD)).status).toBe(200);
  });

  test("of two at once, one changes it", async () => {
    const user = await newUser();
    const at = (n: number) => change(user, { current_password: PASSWORD, new_password: `${NEW} ${n}` });
    const replies = await Promise.all([at(1), at(2)]);
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  test.each([
    {},
    { current_password: PASSWORD },
    { new_password: NEW },
    { current_password: PASSWORD, new_password: "short" },
    { current_password: PASSWORD, new_password: "x".repeat(129) },
    { current_password: PASSWORD, new_password: ["a new password"] },
  ])("%j is a bad request", async (body) => {
    expect((await change(ada, body)).status).toBe(400);
  });
});

describe("PUT /api/me/status", () => {
  test("is echoed, and shown from then on; a message that is not named stays", async () => {
    const busy = await put("status", { status: "busy", status_message: " In a meeting " });
    expect([busy.status, busy.body]).toEqual([200, { status: "busy", status_message: "In a meeting" }]);
    expect((await put("status", { status: "dnd" })).body).toEqual({ status: "dnd", status_message: "In a meeting" });
    const long = "x".repeat(100);
    expect((await put("status", { status: "dnd", status_message: ` ${long} ` })).body.status_message).toBe(long);
    expect((await put("status", { status: "online", status_message: "" })).body.status_message).toBe("");
    expect(await me()).toMatchObject({ status: "online", status_message: "" });
  });

  test.each([
    {},
    { status: "asleep" },
    { status: 1 },
    { status: "busy", status_message: "x".repeat(101) },
    { status: "busy", status_message: "a\nb" },
    { status: "busy", status_message: "a\u2028b" },
    { status: "busy", status_message: "a\u202eb" },
  ])("%j is a bad request", async (body) => {
    expect((await put("status", body)).status).toBe(400);
  });
});

describe("PUT /api/me/nickname", () => {
  test.each([
    ["Ada L", "Ada L"],
    ["  Ada \t L ", "Ada L"],
    ["Ädа_-9", "Ädа_-9"],
    ["Rene\u0301", "René"],
    ["क्षमा", "क्षमा"],
    ["𝐀".repeat(32), "𝐀".repeat(32)],
    ["", null],
    ["   ", null],
    [null, null],
  ])("%j is kept as %j", async (nickname, kept) => {
    expect(await put("nickname", { nickname })).toMatchObject({ status: 200, body: { nickname: kept } });
    expect((await me()).nickname).toBe(kept);
  });

  test.each([
    {},
    { nickname: "x" },
    { nickname: "x".repeat(33) },
    { nickname: "<b>" },
    { nickname: "a\u200bb" },
    { nickname: "e\u0301" },
    // Letters and marks that nobody sees, and marks on nothing.
    { nickname: "\u3164\u3164" },
    { nickname: "ada\ufe0f" },
    { nickname: "ada\u034f" },
    { nickname: "\u0301\u0302" },
    { nickname: 5 },
    // What anonymous people are called.
    { nickname: "anonymous" },
  ])("%j is a bad request", async (body) => {
    expect((await put("nickname", body)).status).toBe(400);
  });
});

describe("PUT /api/me/avatar", () => {
  test("replaces all of it", async () => {
    const first = await put("avatar", { color: "#3355aA", emoji: "🦊", initials: "al" });
    expect([first.status, first.body]).toEqual([200, { avatar: { color: "#3355aA", emoji: "🦊", initials: "AL" } }]);
    expect((await me()).avatar).toEqual(first.body.avatar);
    expect((await put("avatar", { emoji: null })).body).toEqual({ avatar: { emoji: null } });
    expect((await me()).avatar).toEqual({ emoji: null });
    expect((await put("avatar", {})).body).toEqual({ avatar: {} });
    expect((await put("avatar", { emoji: "❤️", initials: "e\u0301" })).body).toEqual({
      avatar: { emoji: "❤️", initials: "É" },
    });
  });

  test.each([
    { color: "red" },
    { color: "#12345" },
    { color: "#3355AA;x" },
    { emoji: "" },
    { emoji: "🦊🦊🦊" },
    { emoji: "a b" },
    { emoji: "\u202e" },
    { emoji: "\u200d" },
    { emoji: "\ufe0f" },
    { initials: "" },
    { initials: "abc" },
    { initials: "<" },
    { initials: "\u3164" },
  ])("%j is a bad request", async (body) => {
    expect((await put("avatar", body)).status).toBe(400);
  });
});

describe("PUT /api/me/anonymous", () => {
  test("takes booleans, and 0 and 1", async () => {
    for (const [anonymous, kept] of [
      [true, true],
      [0, false],
      [1, true],
      [false, false],
    ]) {
      expect(await put("anonymous", { anonymous })).toMatchObject({ status: 200, body: { anonymous: kept } });
      expect((await me()).chat_anonymous).toBe(kept);
    }
    for (const anonymous of ["yes", 2, null]) {
      const { status, body } = await put("anonymous", { anonymous });
      expect([status, body.error]).toEqual([400, "anonymous must be true, false, 0 or 1"]);
    }
    expect(await put("anonymous", {})).toMatchObject({ status: 400, body: { error: "anonymous is required" } });
  });
});

describe("a change", () => {
  test("is audited once; saying the same again is not", async () => {
    const user = await newUser();
    for (let times = 0; times < 2; times++) await put("avatar", { color: "#000000" }, user);
    for (let times = 0; times < 2; times++) await put("nickname", { nickname: "Nick" }, user);
    const rows = (await audited("profile_update")).filter((row) => row.actor_id === String(user.id));
    expect(rows.map(({ details }) => details)).toEqual([{ avatar: { color: "#000000" } }, { nickname: "Nick" }]);
  });

  test("is none by a session that has been revoked, though this isolate still believes it", async () => {
    const user = await newUser();
    expect((await me(user)).nickname).toBeNull();
    await db.update(sessions).set({ revoked_at: Date.now() }).where(eq(sessions.id, user.session));
    expect((await put("nickname", { nickname: "Too late" }, user)).status).toBe(401);
    const row = await db.select().from(users).where(eq(users.id, user.id)).get();
    expect(row?.nickname).toBeNull();
  });

  test("is seen by others in chat at once", async () => {
    const [seen, watcher] = [await newUser("moderator"), await newUser()];
    const channel_id = await newChannel(seen);
    const sockets = [
      await connect({ authorization: `Bearer ${seen.token}` }),
      await connect({ authorization: `Bearer ${watcher.token}` }),
    ] as const;
    for (const socket of sockets) {
      socket.send({ type: "join", channel_id });
      await socket.next("users");
    }
    await put("nickname", { nickname: "Renamed" }, seen);
    expect(await sockets[1].next("user_nickname_changed")).toMatchObject({ nickname: "Renamed" });
    await put("status", { status: "away", status_message: "Tea" }, seen);
    expect(await sockets[1].next("user_status_changed")).toMatchObject({ status: "away", status_message: "Tea" });
  });

  test("does not fail because chat does not answer", async () => {
    const errors = logged("error");
    const user = await newUser();
    const actor: Actor = { kind: "user", ...user, scopes: [], via: "token" };
    const profile = async () => {
      throw new Error("away");
    };
    const CHAT_GATEWAY = { getByName: () => ({ profile }) } as unknown as typeof bindings.CHAT_GATEWAY;
    const later: Promise<unknown>[] = [];
    const waitUntil = (promise: Promise<unknown>) => void later.push(promise);
    const ctx = { ...system(), actor, env: { ...bindings, CHAT_GATEWAY }, waitUntil };
    expect(await changeNickname(ctx, "Lonely")).toEqual({ nickname: "Lonely" });
    await Promise.all(later);
    expect(errors).toHaveLength(3);
    expect((await me(user)).nickname).toBe("Lonely");
  });
});

test("a stream key changes nothing of its owner's account, and guests have none", async () => {
  const { stream_key } = await newStream(ada.token);
  const attempts: [string, string, unknown][] = [
    ["POST", "/api/me/password", { current_password: PASSWORD, new_password: NEW }],
    ["PUT", "/api/me/status", { status: "away" }],
    ["PUT", "/api/me/nickname", { nickname: "Thief" }],
    ["PUT", "/api/me/avatar", {}],
    ["PUT", "/api/me/anonymous", { anonymous: true }],
    ["GET", "/api/tokens", undefined],
    ["POST", "/api/token/revoke", { token_id: ada.session }],
    ["GET", "/api/users/blocked", undefined],
    ["GET", "/api/chat/users", undefined],
    ["GET", "/api/activity", undefined],
  ];
  for (const [method, path, body] of attempts) {
    expect([path, (await call(method, path, { body, headers: { "x-stream-key": stream_key } })).status]).toEqual([
      path,
      403,
    ]);
    expect([path, (await call(method, path, { body })).status]).toEqual([path, 401]);
  }
  expect((await me()).nickname).toBeNull();
});
