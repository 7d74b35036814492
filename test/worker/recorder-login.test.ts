/** The recorder's login, and tokens that are refreshed. */
import { eq } from "drizzle-orm";
import { decodeJwt, SignJWT } from "jose";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { RecorderLoginReply, RecorderToken } from "../../schema/contract/recorder-identity.ts";
import { sessions, users } from "../../schema/tables/identity.ts";
import { deriveKey } from "../../workers/core/secrets.ts";
import { signToken } from "../../workers/identity/session-tokens.ts";
import { openSession } from "../../workers/identity/sessions.ts";
import { audited, call, db, logged, newUser, PASSWORD, system } from "./client.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let client = 0;
/** Each as another client, so that no limit is met. */
const elsewhere = () => ({ "cf-connecting-ip": `198.51.101.${++client}` });
const logIn = (body: unknown) => call("POST", "/api/auth/login", { body, headers: elsewhere() });
const refresh = (token?: string, body?: unknown) =>
  call("POST", "/api/auth/refresh", {
    headers: elsewhere(),
    ...(token && { token }),
    ...(body !== undefined && { body }),
  });
const isIn = async (token: string) => (await call("GET", "/api/me", { token })).status === 200;
const sessionOf = (token: string) =>
  db
    .select()
    .from(sessions)
    .where(eq(sessions.id, String(decodeJwt(token).jti)))
    .get();

/** A token of the user that ends in so long, or ended so long ago. */
async function tokenFor(user: { id: number }, ttl_ms: number, kind: "token" | "cookie" = "token") {
  const row = (await db.select().from(users).where(eq(users.id, user.id)).get()) ?? expect.fail();
  const session = await openSession(system(), row, {
    face: "portal",
    kind,
    scopes: ["services:read"],
    name: "cam",
    ttl_ms,
  });
  return session.token;
}

beforeEach(() => {
  logged("warn");
});

describe("POST /api/auth/login", () => {
  test("gives a token for a day that counts on every face, and says who writes", async () => {
    const admin = await newUser("admin");
    const before = Date.now();
    const { status, body } = await logIn({ username: admin.username, password: PASSWORD });
    expect([status, RecorderLoginReply.parse(body)]).toEqual([200, body]);
    expect(body.role).toBe("admin");
    const lasts = Date.parse(body.expires_at) - before;
    expect(lasts).toBeGreaterThan(DAY_MS - 2000);
    expect(lasts).toBeLessThanOrEqual(DAY_MS + 2000);
    expect(await isIn(body.token)).toBe(true);
    expect((await call("GET", "/api/v1/auth/me", { token: body.token })).status).toBe(200);
    expect(await sessionOf(body.token)).toMatchObject({ user_id: admin.id, face: "recorder", kind: "token" });
  });

  test.each([
    ["user", "viewer"],
    ["moderator", "viewer"],
    ["superadmin", "admin"],
  ] as const)("a %s is a %s", async (role, shown) => {
    const { username } = await newUser(role);
    expect((await logIn({ username, password: PASSWORD })).body.role).toBe(shown);
  });

  test("a wrong password and an unknown name look the same", async () => {
    const { username } = await newUser();
    for (const body of [
      { username, password: "wrong" },
      { username: "nobody_here", password: PASSWORD },
    ]) {
      const reply = await logIn(body);
      expect([reply.status, reply.body.error]).toEqual([
        401,
        { code: "UNAUTHORIZED", message: "Wrong username or password" },
      ]);
    }
  });

  test.each([{}, { username: "ada" }, { username: 1, password: "x" }, "no json"])("%j is refused", async (body) => {
    const reply = await logIn(body);
    expect([reply.status, reply.body.error.code]).toEqual([400, "VALIDATION_ERROR"]);
  });
});

describe("POST /api/auth/refresh", () => {
  test("gives another token of the same session, which lasts longer; the old one goes on until it ends", async () => {
    const user = await newUser();
    const old = await tokenFor(user, HOUR_MS);
    const { status, body } = await refresh(old);
    expect([status, RecorderToken.parse(body)]).toEqual([200, body]);
    expect(Date.parse(body.expires_at) - Date.now()).toBeGreaterThan(DAY_MS - 5000);
    expect(decodeJwt(body.token)).toMatchObject({ jti: decodeJwt(old).jti, scopes: ["services:read"] });
    expect(decodeJwt(body.token).exp).toBe(Date.parse(body.expires_at) / 1000);
    expect([await isIn(old), await isIn(body.token)]).toEqual([true, true]);
    expect((await audited("token_refresh")).at(-1)).toMatchObject({
      actor_id: String(user.id),
      target_id: decodeJwt(old).jti,
      target_name: "cam",
    });
  });

  test.each([
    ["no body", undefined],
    ["an empty object", {}],
    ["an empty body", ""],
    ["anything", "{"],
  ])("%s will do", async (_, body) => {
    expect((await refresh(await tokenFor(await newUser(), HOUR_MS), body)).status).toBe(200);
  });

  test("one that ended within the last hour opens nothing, and is refreshed; again when the reply was lost", async () => {
    const old = await tokenFor(await newUser(), -50 * 60_000);
    expect(await isIn(old)).toBe(false);
    const first = await refresh(old);
    const second = await refresh(old);
    expect([first.status, second.status]).toEqual([200, 200]);
    expect([await isIn(first.body.token), await isIn(second.body.token)]).toEqual([true, true]);
    expect(await isIn(old)).toBe(false);
  });

  test("the hour ends to the millisecond", async () => {
    const start = Math.floor(Date.now() / 1000) * 1000;
    vi.setSystemTime(start);
    onTestFinished(() => void vi.useRealTimers());
    const user = await newUser();
    const [old, other] = [await tokenFor(user, 60_000), await tokenFor(user, 60_000)];
    vi.setSystemTime(start + 60_000 + HOUR_MS);
    expect((await refresh(old)).status).toBe(200);
    vi.setSystemTime(start + 60_000 + HOUR_MS + 1);
    expect((await refresh(other)).status).toBe(401);
  });

  test("one that was refreshed elsewhere counts here, where its session is known to have ended", async () => {
    const start = Date.now();
    vi.setSystemTime(start);
    onTestFinished(() => void vi.useRealTimers());
    const user = await newUser();
    const old = await tokenFor(user, 3000);
    expect(await isIn(old)).toBe(true);
    // As another isolate does it: this one has the session in memory.
    const expires_at = start + DAY_MS;
    const session = String(decodeJwt(old).jti);
    await db.update(sessions).set({ expires_at }).where(eq(sessions.id, session));
    const claims = { session, user_id: user.id, role: user.role, scopes: [], issued_at: start, expires_at };
    const refreshed = await signToken(system().settings, claims);
    vi.setSystemTime(start + 4000);
    expect([await isIn(old), await isIn(refreshed)]).toEqual([false, true]);
  });

  test("the very next moment it is another token, too", async () => {
    const start = Date.now();
    vi.setSystemTime(start);
    onTestFinished(() => void vi.useRealTimers());
    const first = (await logIn({ username: (await newUser()).username, password: PASSWORD })).body.token;
    const second = (await refresh(first)).body.token;
    const third = (await refresh(second)).body.token;
    expect(new Set([first, second, third]).size).toBe(3);
    expect([await isIn(first), await isIn(second), await isIn(third)]).toEqual([true, true, true]);
  });

  test("a session is never made shorter", async () => {
    const month = await tokenFor(await newUser(), 30 * DAY_MS);
    const { body } = await refresh(month);
    expect(Date.parse(body.expires_at) - Date.now()).toBeGreaterThan(29 * DAY_MS);
    expect(await isIn(month)).toBe(true);
  });

  test("fifty at once are fifty tokens of one session", async () => {
    const old = await tokenFor(await newUser(), HOUR_MS);
    const replies = await Promise.all(Array.from({ length: 50 }, () => refresh(old)));
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(replies.map(({ body }) => decodeJwt(body.token).jti))).toEqual(new Set([decodeJwt(old).jti]));
  });

  test("revoked is revoked, the refreshed token too", async () => {
    const user = await newUser();
    const old = await tokenFor(user, HOUR_MS);
    const { token } = (await refresh(old)).body;
    const { jti } = decodeJwt(token);
    expect((await call("POST", "/api/token/revoke", { token: user.token, body: { token_id: jti } })).status).toBe(200);
    expect([await isIn(old), await isIn(token)]).toEqual([false, false]);
    expect([(await refresh(old)).status, (await refresh(token)).status]).toEqual([401, 401]);
  });

  test("nothing else is refreshed", async () => {
    const user = await newUser();
    const deleted = await newUser();
    const lost = await tokenFor(deleted, HOUR_MS);
    await db.update(users).set({ deleted_at: Date.now() }).where(eq(users.id, deleted.id));
    const good = await tokenFor(user, HOUR_MS);
    const [head, claims] = good.split(".");
    const elsewhereOnly = await new SignJWT({ ...decodeJwt(good), aud: ["portal", "apps"] })
      .setProtectedHeader({ alg: "HS256", typ: "JWT" })
      .sign(await deriveKey(system().settings, "session tokens v1"));
    expect(await isIn(elsewhereOnly)).toBe(true);
    const refused = {
      none: undefined,
      "a forged one": `${head}.${claims}.${"A".repeat(43)}`,
      "one for other faces": elsewhereOnly,
      "one that ended long ago": await tokenFor(user, -HOUR_MS - 2000),
      "one of a deleted account": lost,
      "a browser's": await tokenFor(user, HOUR_MS, "cookie"),
      "a key": `portal_${"a".repeat(64)}`,
      nonsense: "a.b.c",
      "a long one": "a".repeat(5000),
    };
    for (const [what, token] of Object.entries(refused)) {
      const reply = await refresh(token);
      expect([what, reply.status, reply.body.error?.code]).toEqual([what, 401, "UNAUTHORIZED"]);
    }
  });

  test("neither the cookie nor the query is a token here", async () => {
    const token = await tokenFor(await newUser(), HOUR_MS);
    const headers = { ...elsewhere(), cookie: `portal_session=${token}` };
    expect((await call("POST", `/api/auth/refresh?token=${token}`, { headers })).status).toBe(401);
  });
});
