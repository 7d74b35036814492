/** The second factor: set up, turned on, asked for by every login, used once, turned off. */
import { eq } from "drizzle-orm";
import { beforeEach, describe, expect, test, vi } from "vitest";
import {
  TwoFactorDisabled,
  TwoFactorEnabled,
  TwoFactorSetup,
  TwoFactorStatus,
} from "../../schema/contract/credentials.ts";
import { LoginReply } from "../../schema/contract/identity.ts";
import { backup_codes, sessions, two_factor, users } from "../../schema/tables/identity.ts";
import { takeBackupCode } from "../../workers/identity/backup-codes.ts";
import { checkCredentials } from "../../workers/identity/check-credentials.ts";
import { FAILURES_MAX } from "../../workers/identity/login-failures.ts";
import { type NewSession, openSession } from "../../workers/identity/sessions.ts";
import { takeCode, twoFactorOf } from "../../workers/identity/two-factor.ts";
import { codeOf, elsewhere, type GuardedUser, newGuardedUser, STEP_MS, stopClock } from "./authenticator.ts";
import { audited, call, db, logged, newStream, newUser, PASSWORD, system } from "./client.ts";

type User = Awaited<ReturnType<typeof newUser>>;

beforeEach(() => {
  logged("warn");
  stopClock();
});

const status = async (user: User) => (await call("GET", "/api/user/2fa/status", { token: user.token })).body;
const setUp = (user: User) => call("POST", "/api/user/2fa/setup", { token: user.token });
const verify = (user: User, code: unknown) =>
  call("POST", "/api/user/2fa/verify", { token: user.token, headers: elsewhere(), body: { code } });
const disable = (user: User, body: unknown) =>
  call("POST", "/api/user/2fa/disable", { token: user.token, headers: elsewhere(), body });
const getToken = (user: User, body: Record<string, unknown> = {}) =>
  call("POST", "/api/token", { headers: elsewhere(), body: { username: user.username, password: PASSWORD, ...body } });
const logIn = (user: User, body: Record<string, unknown> = {}) =>
  call("POST", "/login", { headers: elsewhere(), body: { username: user.username, password: PASSWORD, ...body } });

const sessionsOf = (user: User) => db.$count(sessions, eq(sessions.user_id, user.id));

describe("setting it up", () => {
  test("gives a secret that an app takes, and changes nothing yet", async () => {
    const user = await newUser();
    const { status: code, body } = await setUp(user);
    expect(code).toBe(200);
    expect(TwoFactorSetup.parse(body)).toEqual(body);
    expect(body).toMatchObject({ issuer: "Sluice", uri: body.provisioning_uri });
    expect(body.uri).toContain(`otpauth://totp/Sluice:${user.username}?issuer=Sluice&secret=${body.secret}&`);
    expect(await status(user)).toEqual({ enabled: false, backup_codes_remaining: 0 });
    expect((await getToken(user)).status).toBe(200);
    expect((await disable(user, { password: PASSWORD })).status).toBe(400);
  });

  test("is not for an account that is gone, though this isolate still believes its session", async () => {
    const user = await newUser();
    expect((await status(user)).enabled).toBe(false);
    await db.delete(users).where(eq(users.id, user.id));
    expect((await setUp(user)).status).toBe(401);
  });

  test("another one replaces the secret; the one before counts no more", async () => {
    const user = await newUser();
    const { body: first } = await setUp(user);
    const { body: second } = await setUp(user);
    expect(second.secret).not.toBe(first.secret);
    expect((await verify(user, codeOf(first.secret))).status).toBe(400);
    expect((await verify(user, codeOf(second.secret))).status).toBe(200);
  });

  test("keeps the secret sealed, and the codes as hashes", async () => {
    const { id, secret, codes } = await newGuardedUser();
    const row = await db.select().from(two_factor).where(eq(two_factor.user_id, id)).get();
    const kept = await db.select().from(backup_codes).where(eq(backup_codes.user_id, id));
    expect(row?.secret).toMatch(/^1\./);
    expect(row?.secret).not.toContain(secret);
    expect(kept).toHaveLength(10);
    for (const code of codes) expect(JSON.stringify(kept)).not.toContain(code);
  });
});

describe("turning it on", () => {
  test("by a code of the app; ten backup codes, shown once", async () => {
    const user = await newUser();
    const { body: factor } = await setUp(user);
    const { status: code, body } = await verify(user, codeOf(factor.secret));
    expect(code).toBe(200);
    expect(TwoFactorEnabled.parse(body)).toEqual(body);
    expect(new Set(body.backup_codes).size).toBe(10);
    for (const each of body.backup_codes) expect(each).toMatch(/^[0-9A-F]{8}$/);
    const shown = await status(user);
    expect(TwoFactorStatus.parse(shown)).toEqual({ enabled: true, backup_codes_remaining: 10 });
    expect((await call("GET", "/api/me", { token: user.token })).body.totp_enabled).toBe(true);
    expect((await audited("two_factor_enable")).at(-1)).toMatchObject({
      actor_id: String(user.id),
      target_id: String(user.id),
      details: {},
    });
  });

  test("with a wrong code, no code, nothing set up or when it is on already: 400", async () => {
    const user = await newUser();
    expect((await verify(user, "123456")).status).toBe(400);
    const { body: factor } = await setUp(user);
    for (const code of [codeOf(factor.secret, 5 * STEP_MS), "", " ", "000", 123456, undefined, "x".repeat(33)]) {
      expect((await verify(user, code)).status).toBe(400);
    }
    expect((await status(user)).enabled).toBe(false);
    expect((await verify(user, codeOf(factor.secret))).status).toBe(200);
    expect(await verify(user, codeOf(factor.secret, STEP_MS))).toMatchObject({
      status: 400,
      body: { error: "Two-factor authentication is on already" },
    });
    expect((await setUp(user)).status).toBe(400);
  });

  test("not by a session that has been revoked, though this isolate still believes it: nobody is locked out", async () => {
    const user = await newUser();
    const { body: factor } = await setUp(user);
    await db.update(sessions).set({ revoked_at: Date.now() }).where(eq(sessions.id, user.session));
    expect((await verify(user, codeOf(factor.secret))).status).toBe(401);
    expect((await getToken(user)).status).toBe(200);
  });

  test("by the same code twice at once: once, with ten codes", async () => {
    const user = await newUser();
    const { body: factor } = await setUp(user);
    const code = codeOf(factor.secret);
    const replies = await Promise.all(Array.from({ length: 8 }, () => verify(user, code)));
    expect(replies.map((reply) => reply.status).sort()).toEqual([200, ...Array(7).fill(400)]);
    expect((await status(user)).backup_codes_remaining).toBe(10);
    expect((await audited("two_factor_enable")).filter((row) => row.actor_id === String(user.id))).toHaveLength(1);
  });

  test("ends no session", async () => {
    const user = await newGuardedUser();
    expect((await call("GET", "/api/me", { token: user.token })).status).toBe(200);
  });
});

describe("a login", () => {
  test("without a code says that one is needed, and opens nothing", async () => {
    const user = await newGuardedUser();
    const before = await sessionsOf(user);
    for (const totp_code of [undefined, "", " "]) {
      expect(await getToken(user, { totp_code })).toMatchObject({
        status: 401,
        body: { error: "A code of the authenticator app is needed" },
      });
      const { status: code, body, headers } = await logIn(user, { totp_code });
      expect([code, headers.get("set-cookie")]).toEqual([200, null]);
      expect(LoginReply.parse(body)).toEqual({ status: "2fa_required", message: expect.any(String) });
    }
    const form = await call("POST", "/login", {
      headers: { ...elsewhere(), "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({ username: user.username, password: PASSWORD }).toString(),
    });
    expect([form.status, form.headers.get("location"), form.headers.get("set-cookie")]).toEqual([
      302,
      "/login?two_factor=required",
      null,
    ]);
    expect(await sessionsOf(user)).toBe(before);
  });

  test("with a wrong password says nothing of it, whatever the code is", async () => {
    const user = await newGuardedUser();
    const nobody = { ...user, username: "nobody_at_all" };
    const known = await getToken(nobody, { password: "wrong" });
    for (const totp_code of [undefined, "000000", codeOf(user.secret), user.codes[0]]) {
      for (const reply of [
        await getToken(user, { password: "wrong", totp_code }),
        await getToken(nobody, { totp_code }),
      ]) {
        expect({ ...reply.body, request_id: "" }).toEqual({ ...known.body, request_id: "" });
      }
    }
    // And nothing was used up.
    expect((await status(user)).backup_codes_remaining).toBe(10);
    expect((await getToken(user, { totp_code: codeOf(user.secret) })).status).toBe(200);
  });

  test("with a code of the app: each way in, and the code is good once", async () => {
    const user = await newGuardedUser();
    const code = codeOf(user.secret);
    expect((await logIn(user, { totp_code: `${code.slice(0, 3)} ${code.slice(3)}` })).body.status).toBe("logged_in");
    for (const reply of [await logIn(user, { totp_code: code }), await getToken(user, { totp_code: code })]) {
      expect(reply).toMatchObject({ status: 401, body: { error: "The code is not valid, or was used already" } });
      expect(reply.headers.get("set-cookie")).toBeNull();
    }
    // The one before it neither, though a clock may be late.
    expect((await getToken(user, { totp_code: codeOf(user.secret, -STEP_MS) })).status).toBe(401);
    expect((await getToken(user, { totp_code: codeOf(user.secret, STEP_MS) })).status).toBe(200);
  });

  test("the code that turned it on is used up by that", async () => {
    const user = await newUser();
    const { body: factor } = await setUp(user);
    const code = codeOf(factor.secret);
    await verify(user, code);
    expect((await getToken(user, { totp_code: code })).status).toBe(401);
  });

  test("by a form with a code", async () => {
    const user = await newGuardedUser();
    const reply = await call("POST", "/login", {
      headers: { ...elsewhere(), "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({
        username: user.username,
        password: PASSWORD,
        totp_code: codeOf(user.secret),
      }).toString(),
    });
    expect([reply.status, reply.headers.get("location")]).toEqual([302, "/dashboard"]);
    expect(reply.headers.get("set-cookie")).toContain("portal_session=eyJ");
  });

  test("with a backup code instead, in any spelling, each once and not for anybody else", async () => {
    const [user, other] = [await newGuardedUser(), await newGuardedUser()];
    const [first = "", second = ""] = user.codes;
    expect((await getToken(other, { totp_code: first })).status).toBe(401);
    expect((await getToken(user, { totp_code: first })).status).toBe(200);
    expect((await getToken(user, { totp_code: first })).status).toBe(401);
    const typed = `${second.slice(0, 4)}-${second.slice(4)}`.toLowerCase();
    expect((await logIn(user, { totp_code: typed })).body.status).toBe("logged_in");
    expect((await status(user)).backup_codes_remaining).toBe(8);
    const uses = (await audited("backup_code_use")).filter((row) => row.target_id === String(user.id));
    expect(uses).toHaveLength(2);
    expect(JSON.stringify(uses)).not.toContain(first);
  });

  test("finds the account by e-mail address where the face says so, and only there", async () => {
    const user = await newGuardedUser();
    const email = `${user.username}@example.com`;
    await db.update(users).set({ email }).where(eq(users.id, user.id));
    const input = { username: email.toUpperCase(), password: PASSWORD };
    await expect(checkCredentials(system(), { ...input, by: "email-or-name" })).rejects.toMatchObject({
      code: "totp_required",
    });
    const found = await checkCredentials(system(), { ...input, by: "email-or-name", code: codeOf(user.secret) });
    expect(found.id).toBe(user.id);
    const named = { ...input, username: user.username, by: "email-or-name", code: user.codes[0] } as const;
    expect((await checkCredentials(system(), named)).id).toBe(user.id);
    await expect(checkCredentials(system(), input)).rejects.toMatchObject({ code: "bad_credentials" });
  });
});

describe("at once", () => {
  test("a thousand uses of one backup code: one wins, and is audited", async () => {
    const user = await newGuardedUser();
    const [code = ""] = user.codes;
    const uses = await Promise.all(Array.from({ length: 1000 }, () => takeBackupCode(system(), user, code)));
    expect(uses.filter(Boolean)).toHaveLength(1);
    expect((await audited("backup_code_use")).filter((row) => row.target_id === String(user.id))).toHaveLength(1);
    expect((await status(user)).backup_codes_remaining).toBe(9);
  });

  test("a hundred uses of one code of the app: one wins", async () => {
    const user = await newGuardedUser();
    const factor = (await twoFactorOf(system(), user.id)) ?? expect.fail();
    const code = codeOf(user.secret);
    const uses = await Promise.all(Array.from({ length: 100 }, () => takeCode(system(), user, factor, code)));
    expect(uses.filter(Boolean)).toHaveLength(1);
  });

  test("as many logins by one code as may be: one gets in, the rest are refused", async () => {
    const user = await newGuardedUser();
    const totp_code = codeOf(user.secret);
    const replies = await Promise.all(Array.from({ length: FAILURES_MAX }, () => getToken(user, { totp_code })));
    expect(replies.filter((reply) => reply.status === 200)).toHaveLength(1);
    for (const { status: code } of replies) expect([200, 401, 429]).toContain(code);
  });

  test("nobody gets in beside its being turned on", async () => {
    const user = await newUser();
    const before = await checkCredentials(system(), { username: user.username, password: PASSWORD });
    const { body: factor } = await setUp(user);
    await verify(user, codeOf(factor.secret, -STEP_MS));
    const login: NewSession = { face: "portal", kind: "token", scopes: [], name: null, ttl_ms: 60_000 };
    await expect(openSession(system(), before, login)).rejects.toMatchObject({ code: "bad_credentials" });
    const code = codeOf(factor.secret);
    const after = await checkCredentials(system(), { username: user.username, password: PASSWORD, code });
    await openSession(system(), after, login);
    // Nor by what was passed before it was turned off and on again.
    await disable(user, { password: PASSWORD });
    const { body: anew } = await setUp(user);
    await openSession(system(), after, login);
    vi.setSystemTime(Date.now() + 1);
    await verify(user, codeOf(anew.secret));
    await expect(openSession(system(), after, login)).rejects.toMatchObject({ code: "bad_credentials" });
  });
});

describe("turning it off", () => {
  test.each([
    ["a code of the app", (user: GuardedUser) => ({ code: codeOf(user.secret) })],
    ["a backup code", (user: GuardedUser) => ({ code: user.codes[3] })],
    ["the password", () => ({ password: PASSWORD })],
    ["the password, with an empty code", () => ({ code: "", password: PASSWORD })],
  ])("by %s: logins need none any more, and nothing is left", async (_name, proof) => {
    const user = await newGuardedUser();
    const reply = await disable(user, proof(user));
    expect(reply.status).toBe(200);
    expect(TwoFactorDisabled.parse(reply.body)).toEqual(reply.body);
    expect(await status(user)).toEqual({ enabled: false, backup_codes_remaining: 0 });
    expect((await call("GET", "/api/me", { token: user.token })).body.totp_enabled).toBe(false);
    expect((await getToken(user)).status).toBe(200);
    expect(await db.$count(two_factor, eq(two_factor.user_id, user.id))).toBe(0);
    expect((await audited("two_factor_disable")).at(-1)).toMatchObject({ target_id: String(user.id) });
    expect((await disable(user, { password: PASSWORD })).status).toBe(400);
  });

  test("by what is wrong: 401, and it stays on; by nothing: 400", async () => {
    const user = await newGuardedUser();
    const wrong = [
      { code: "000000" },
      { code: codeOf(user.secret, -STEP_MS) },
      { code: "00000000" },
      { password: "wrong" },
      { code: "000000", password: PASSWORD },
    ];
    for (const body of wrong) expect((await disable(user, body)).status).toBe(401);
    for (const body of [{}, { code: "" }, { password: "" }, { code: 5 }, { password: "x".repeat(1025) }]) {
      expect((await disable(user, body)).status).toBe(400);
    }
    expect((await status(user)).enabled).toBe(true);
  });

  test("not by a session that has been revoked, though this isolate still believes it", async () => {
    const user = await newGuardedUser();
    await db.update(sessions).set({ revoked_at: Date.now() }).where(eq(sessions.id, user.session));
    expect((await disable(user, { password: PASSWORD })).status).toBe(401);
    expect(await db.$count(two_factor, eq(two_factor.user_id, user.id))).toBe(1);
  });

  test("goes with the account", async () => {
    const user = await newGuardedUser();
    await db.delete(users).where(eq(users.id, user.id));
    expect(await db.$count(two_factor, eq(two_factor.user_id, user.id))).toBe(0);
    expect(await db.$count(backup_codes, eq(backup_codes.user_id, user.id))).toBe(0);
  });
});

test("an admin's new password does not take it away", async () => {
  const [user, admin] = [await newGuardedUser(), await newUser("admin")];
  const reset = await call("POST", `/api/users/${user.id}/reset-password`, {
    token: admin.token,
    body: { new_password: "another password" },
  });
  expect(reset.status).toBe(200);
  expect((await getToken(user, { password: "another password" })).body.error).toMatch(/authenticator app is needed/);
});

test("is for the account in person: not for its keys, other sites or guests", async () => {
  const user = await newUser();
  const { stream_key } = await newStream(user.token);
  const refused: [Record<string, string>, number][] = [
    [{ "x-stream-key": stream_key }, 403],
    [{ cookie: `portal_session=${user.token}`, origin: "https://evil.example" }, 403],
    [{}, 401],
  ];
  for (const [headers, expected] of refused) {
    const from = { ...headers, ...elsewhere() };
    expect((await call("POST", "/api/user/2fa/setup", { headers: from })).status).toBe(expected);
    expect((await call("POST", "/api/user/2fa/verify", { headers: from, body: { code: "1" } })).status).toBe(expected);
    expect((await call("POST", "/api/user/2fa/disable", { headers: from, body: { code: "1" } })).status).toBe(expected);
  }
  expect(await db.$count(two_factor, eq(two_factor.user_id, user.id))).toBe(0);
});
