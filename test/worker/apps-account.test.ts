/** One's own account and sessions at the apps face. */
import { eq } from "drizzle-orm";
import { beforeEach, describe, expect, test } from "vitest";
import { AppsAccount, AppsSession } from "../../schema/contract/apps-identity.ts";
import { CHAT_CLOSE } from "../../schema/contract/chat-frames.ts";
import { hashKey, newKey } from "../../schema/kit/keys.ts";
import { app_tokens, magic_links, sessions, users } from "../../schema/tables/identity.ts";
import { codeOf, STEP_MS, stopClock } from "./authenticator.ts";
import { connect } from "./chat.ts";
import { audited, call, db, logged, newUser, PASSWORD } from "./client.ts";

type User = Awaited<ReturnType<typeof newUser>>;
const NEW_PASSWORD = "another battery staple";

let client = 0;
let addresses = 0;
const newEmail = () => `account${++addresses}@example.com`;
const account = (method: string, path: string, { token }: { token: string }, body?: unknown) =>
  call(method, `/api/v1/account${path}`, { token, ...(body !== undefined && { body }) });
const isIn = async (token: string) => (await call("GET", "/api/v1/auth/me", { token })).status === 200;

/** Another session of somebody's. */
async function logIn({ username }: User, password = PASSWORD, userAgent = "curl/8") {
  const headers = { "cf-connecting-ip": `198.51.103.${++client}`, "user-agent": userAgent };
  return (await call("POST", "/api/v1/auth/login", { body: { user: username, password }, headers })).body
    .token as string;
}

beforeEach(() => {
  logged("warn");
});

describe("/api/v1/account", () => {
  test("says who one is and where", async () => {
    const user = await newUser("moderator");
    const { status, body } = await account("GET", "", user);
    expect([status, body.error, AppsAccount.parse(body.data)]).toEqual([200, null, body.data]);
    expect(body.data).toMatchObject({
      id: String(user.id),
      username: user.username,
      name: null,
      email: null,
      role: "editor",
      twoFactorEnabled: false,
      tenant: { id: "default", name: "Default" },
    });
  });

  test("name and address are changed, together or each by itself; null removes", async () => {
    const user = await newUser();
    const email = newEmail();
    const both = await account("PATCH", "", user, { name: "  Ada   L ", email });
    expect([both.status, both.body.data]).toEqual([200, expect.objectContaining({ name: "Ada L", email })]);
    expect((await account("PATCH", "", user, { name: null })).body.data).toMatchObject({ name: null, email });
    expect((await account("PATCH", "", user, { email: null })).body.data).toMatchObject({ name: null, email: null });
    expect((await account("PATCH", "", user, {})).status).toBe(200);
    const rows = (await audited("profile_update")).filter(({ target_id }) => target_id === String(user.id));
    expect(rows.map(({ details }) => details)).toEqual([
      { nickname: "Ada L", email: "set" },
      { nickname: null },
      { email: "removed" },
    ]);
  });

  test("an address that somebody has is refused, and then the name stays, too", async () => {
    const [user, other, email] = [await newUser(), await newUser(), newEmail()];
    await account("PATCH", "", other, { email });
    const { status, body } = await account("PATCH", "", user, { name: "Eve", email: email.toUpperCase() });
    expect([status, body.message]).toEqual([400, ["email is in use"]]);
    expect((await account("GET", "", user)).body.data).toMatchObject({ name: null, email: null });
  });

  test("links that were mailed to the address before open nothing any more", async () => {
    const user = await newUser();
    const now = Date.now();
    const link = { user_id: user.id, created_at: now, expires_at: now + 60_000 };
    await db.insert(magic_links).values({ ...link, token_hash: await hashKey("before") });
    expect((await account("PATCH", "", user, { name: "Ada" })).status).toBe(200);
    expect(await db.$count(magic_links, eq(magic_links.user_id, user.id))).toBe(1);
    expect((await account("PATCH", "", user, { email: newEmail() })).status).toBe(200);
    expect(await db.$count(magic_links, eq(magic_links.user_id, user.id))).toBe(0);
  });

  test.each([{ name: "x" }, { name: "<b>" }, { email: "nobody" }, { email: "a@b.example\n" }, { email: 7 }])(
    "%j is a bad request",
    async (body) => {
      expect((await account("PATCH", "", await newUser(), body)).status).toBe(400);
    },
  );
});

describe("POST /api/v1/account/password", () => {
  test("changes it, and ends all other sessions", async () => {
    const user = await newUser();
    const other = await logIn(user);
    const input = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD };
    expect((await account("POST", "/password", user, input)).status).toBe(200);
    expect([await isIn(user.token), await isIn(other)]).toEqual([true, false]);
    expect(await isIn(await logIn(user, NEW_PASSWORD))).toBe(true);
    const wrong = await account("POST", "/password", user, input);
    expect([wrong.status, wrong.body.message]).toEqual([401, "The current password is wrong"]);
    expect((await account("POST", "/password", user, { ...input, newPassword: "short" })).status).toBe(400);
  });

  test("one of digits may come as a number, unless that is not what was typed any more", async () => {
    const user = await newUser();
    const input = { currentPassword: PASSWORD, newPassword: 12345678 };
    expect((await account("POST", "/password", user, input)).status).toBe(200);
    expect(await isIn(await logIn(user, "12345678"))).toBe(true);
    for (const newPassword of [1234567, 2 ** 53, -12345678, 1234567.5]) {
      const refused = await account("POST", "/password", user, { currentPassword: 12345678, newPassword });
      expect([newPassword, refused.status]).toEqual([newPassword, 400]);
    }
  });
});

describe("/api/v1/account/2fa", () => {
  test("is set up, turned on by a code, asked for, and turned off by a code", async () => {
    stopClock();
    const user = await newUser();
    const setUp = await account("POST", "/2fa/setup", user);
    const { secret, otpauthUri, qrDataUri } = setUp.body;
    expect([setUp.status, setUp.body]).toEqual([
      200,
      { secret, otpauthUri, qrDataUri, data: { secret, otpauthUri, qrDataUri }, error: null },
    ]);
    expect(otpauthUri).toMatch(/^otpauth:\/\/totp\//);
    expect(decodeURIComponent(qrDataUri)).toMatch(/^data:image\/svg\+xml,<svg .*<\/svg>$/s);

    const wrong = await account("POST", "/2fa/enable", user, { code: "000000" });
    expect(wrong.status).toBe(400);
    const enabled = await account("POST", "/2fa/enable", user, { code: codeOf(secret, -STEP_MS) });
    expect([enabled.status, enabled.body.data]).toEqual([200, { enabled: true, backupCodes: expect.any(Array) }]);
    expect(enabled.body.data.backupCodes).toHaveLength(10);
    expect((await account("GET", "", user)).body.data.twoFactorEnabled).toBe(true);
    expect((await account("POST", "/2fa/setup", user)).status).toBe(400);

    const refused = await account("POST", "/2fa/disable", user, { code: "000000" });
    expect([refused.status, refused.body.message]).toEqual([401, "totp_invalid"]);
    const disabled = await account("POST", "/2fa/disable", user, { code: codeOf(secret) });
    expect([disabled.status, disabled.body.data]).toEqual([200, { enabled: false }]);
    expect((await account("GET", "", user)).body.data.twoFactorEnabled).toBe(false);
    expect((await account("POST", "/2fa/disable", user, { code: codeOf(secret) })).status).toBe(400);
  });

  test.each([{}, { code: "" }, { code: null }, { code: 1.5 }])("%j is a bad request", async (body) => {
    const user = await newUser();
    await account("POST", "/2fa/setup", user);
    expect((await account("POST", "/2fa/enable", user, body)).status).toBe(400);
  });
});

describe("/api/v1/auth/sessions", () => {
  const list = async (token: string): Promise<AppsSession[]> =>
    (await call("GET", "/api/v1/auth/sessions", { token })).body.data;

  test("shows one's own that count, whichever face they are of, newest first, with where they are", async () => {
    const user = await newUser();
    await newUser();
    const token = await logIn(user, PASSWORD, "Firefox/140");
    const shown = await list(token);
    expect(AppsSession.array().parse(shown)).toEqual(shown);
    expect(shown).toMatchObject([
      { ip: `198.51.103.${client}`, userAgent: "Firefox/140", current: true },
      { id: user.session, ip: null, userAgent: null, current: false },
    ]);
    // The list is its first use; the other one has none.
    expect(Date.parse(shown[0]?.lastSeen ?? "")).toBeGreaterThanOrEqual(Date.parse(shown[0]?.createdAt ?? ""));
    expect(shown[1]?.lastSeen).toBe(shown[1]?.createdAt);
    await db
      .update(sessions)
      .set({ expires_at: Date.now() - 1 })
      .where(eq(sessions.id, user.session));
    expect((await list(token)).map(({ current }) => current)).toEqual([true]);
  });

  test("one is ended: it opens nothing, its sockets are closed, it is not shown; again changes nothing", async () => {
    const user = await newUser();
    const token = await logIn(user);
    const socket = await connect({ authorization: `Bearer ${user.token}` });
    await socket.next("connected");
    const end = () => call("DELETE", `/api/v1/auth/sessions/${user.session}`, { token });
    const first = await end();
    expect([first.status, first.body]).toEqual([200, { data: { revoked: 1 }, error: null }]);
    expect(await socket.closed).toBe(CHAT_CLOSE.unauthenticated);
    expect([await isIn(user.token), await isIn(token)]).toEqual([false, true]);
    expect(await list(token)).toHaveLength(1);
    expect((await end()).body.data).toEqual({ revoked: 0 });
    const rows = (await audited("token_revoke")).filter(({ target_id }) => target_id === user.session);
    expect(rows).toHaveLength(1);
  });

  test("somebody else's, the beginning of one's own, and none are equally unknown", async () => {
    const [user, other] = [await newUser(), await newUser("superadmin")];
    for (const id of [other.session, user.session.slice(0, 8), crypto.randomUUID(), "%25"]) {
      const { status, body } = await call("DELETE", `/api/v1/auth/sessions/${id}`, { token: user.token });
      expect([status, body.message]).toEqual([404, "No such session"]);
    }
    expect([await isIn(user.token), await isIn(other.token)]).toEqual([true, true]);
  });

  test("all others are ended at once and counted, with their sockets", async () => {
    const [user, other] = [await newUser(), await newUser()];
    const [a, b] = [await logIn(user), await logIn(user)];
    const socket = await connect({ authorization: `Bearer ${b}` });
    await socket.next("connected");
    const end = () => call("DELETE", "/api/v1/auth/sessions", { token: a });
    expect((await end()).body).toEqual({ data: { revoked: 2 }, error: null });
    expect(await socket.closed).toBe(CHAT_CLOSE.unauthenticated);
    expect([await isIn(a), await isIn(b), await isIn(user.token), await isIn(other.token)]).toEqual([
      true,
      false,
      false,
      true,
    ]);
    expect((await end()).body.data).toEqual({ revoked: 0 });
    expect((await audited("token_revoke")).filter(({ target_id }) => target_id === String(user.id))).toHaveLength(1);
  });
});

test("what is a person's own is no token's, and nobody's without one", async () => {
  const { id } = await newUser("admin");
  const token = newKey("sk_");
  const made = { name: "ci", created_by: id, created_at: Date.now() };
  await db.insert(app_tokens).values({ ...made, token_hash: await hashKey(token), scope: "global" });
  const calls: [string, string, unknown?][] = [
    ["GET", "account"],
    ["PATCH", "account", { name: "Eve" }],
    ["POST", "account/password", { currentPassword: PASSWORD, newPassword: NEW_PASSWORD }],
    ["POST", "account/2fa/setup"],
    ["POST", "account/2fa/enable", { code: "123456" }],
    ["POST", "account/2fa/disable", { code: "123456" }],
    ["GET", "auth/sessions"],
    ["DELETE", "auth/sessions"],
    ["DELETE", "auth/sessions/1"],
  ];
  for (const [method, path, body] of calls) {
    const options = body === undefined ? {} : { body };
    const refused = await call(method, `/api/v1/${path}`, { token, ...options });
    expect([path, refused.status, refused.body.error]).toEqual([path, 403, "Forbidden"]);
    expect((await call(method, `/api/v1/${path}`, options)).status).toBe(401);
  }
  expect((await db.select().from(users).where(eq(users.id, id)).get())?.nickname).toBeNull();
});
