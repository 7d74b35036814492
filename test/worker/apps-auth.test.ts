/** The ways in at the apps face: by password, and by signing up. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { eq } from "drizzle-orm";
import { decodeJwt } from "jose";
import { beforeEach, describe, expect, test } from "vitest";
import { AppsMe } from "../../schema/contract/apps-identity.ts";
import { hashKey, newKey } from "../../schema/kit/keys.ts";
import { outbox } from "../../schema/tables/events.ts";
import { app_tokens, connections, sessions, users } from "../../schema/tables/identity.ts";
import { app } from "../../workers/application.ts";
import { session } from "./access-callers.ts";
import { codeOf, elsewhere, newGuardedUser, stopClock } from "./authenticator.ts";
import { audited, bindings, call, db, logged, newUser, PASSWORD } from "./client.ts";

const HOUR_MS = 3_600_000;

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  call("POST", `/api/v1/auth/${path}`, { body, headers: { ...elsewhere(), ...headers } });
const me = (token: string) => call("GET", "/api/v1/auth/me", { token });
const rowOf = (id: number) => db.select().from(users).where(eq(users.id, id)).get();
let addresses = 0;
const newEmail = () => `person${++addresses}@example.com`;

async function withEmail(email = newEmail()) {
  const user = await newUser();
  await db.update(users).set({ email }).where(eq(users.id, user.id));
  return { ...user, email };
}

beforeEach(() => {
  logged("warn");
});

describe("POST /api/v1/auth/login", () => {
  test("by name or address, without regard to case: a token for 12 hours, in both documented places", async () => {
    const user = await withEmail("Ada.L@Example.com");
    for (const name of [user.username, user.username.toUpperCase(), "ada.l@example.com"]) {
      const before = Date.now();
      const { status, body } = await post("login", { user: name, password: PASSWORD });
      expect(status).toBe(200);
      expect(body).toEqual({ token: body.data.token, data: { token: expect.any(String) }, error: null });
      const { jti, exp = 0 } = decodeJwt(body.token);
      expect(exp * 1000 - before).toBeGreaterThan(12 * HOUR_MS - 2000);
      expect(exp * 1000 - before).toBeLessThanOrEqual(12 * HOUR_MS + 2000);
      const row = await db
        .select()
        .from(sessions)
        .where(eq(sessions.id, String(jti)))
        .get();
      expect(row).toMatchObject({ user_id: user.id, face: "apps", kind: "token" });
      expect((await call("GET", "/api/me", { token: body.token })).body.username).toBe(user.username);
    }
  });

  test("a wrong password, an unknown name and an unknown address look the same", async () => {
    const user = await withEmail();
    for (const name of [user.username, user.email, "nobody_here", "nobody@example.com"]) {
      const { status, body } = await post("login", { user: name, password: "wrong" });
      expect([status, body.message, body.error]).toEqual([401, "Wrong username or password", "Unauthorized"]);
    }
  });

  test("with a second factor: told by the message whether a code is missing or wrong; each counts once", async () => {
    stopClock();
    const user = await newGuardedUser();
    const input = { user: user.username, password: PASSWORD };
    const told = async (body: object) => {
      const reply = await post("login", body);
      return [reply.status, reply.body.message];
    };
    expect(await told(input)).toEqual([401, "totp_required"]);
    expect(await told({ ...input, code: "" })).toEqual([401, "totp_required"]);
    expect(await told({ ...input, code: null })).toEqual([401, "totp_required"]);
    expect(await told({ ...input, code: "000000" })).toEqual([401, "totp_invalid"]);
    expect(await told({ ...input, code: 123456 })).toEqual([401, "totp_invalid"]);
    expect(await told({ ...input, password: "wrong", code: codeOf(user.secret) })).toEqual([
      401,
      "Wrong username or password",
    ]);
    const code = codeOf(user.secret);
    expect((await post("login", { ...input, code })).status).toBe(200);
    expect(await told({ ...input, code })).toEqual([401, "totp_invalid"]);
  });

  test.each([{}, { user: "ada" }, { password: "x" }, { user: "", password: "x" }, { user: ["a"], password: "x" }])(
    "%j is a bad request",
    async (body) => {
      const { status, body: reply } = await post("login", body);
      expect([status, reply.statusCode, reply.error]).toEqual([400, 400, "Bad Request"]);
    },
  );

  test("ten attempts in a quarter of an hour for each address, in the face's own headers and words", async () => {
    const headers = elsewhere();
    for (let left = 9; left >= 0; left--) {
      const reply = await post("login", { user: "nobody_here", password: "wrong" }, headers);
      expect(reply.status).toBe(401);
      expect(reply.headers.get("ratelimit")).toMatch(new RegExp(`^limit=10, remaining=${left}, reset=\\d+$`));
      expect(reply.headers.get("x-ratelimit-limit")).toBeNull();
    }
    const { status, body, headers: told } = await post("magic/verify", { token: "x" }, headers);
    expect(status).toBe(429);
    const wait = Number(told.get("retry-after"));
    expect(wait).toBeGreaterThan(14 * 60);
    expect(body).toMatchObject({ data: null, error: { code: "rate_limited" }, retryAfterSeconds: wait });
  });
});

describe("GET /api/v1/auth/me", () => {
  test.each([
    ["user", "viewer"],
    ["moderator", "editor"],
    ["admin", "owner"],
    ["superadmin", "superadmin"],
  ] as const)("a %s is %s", async (role, shown) => {
    const user = await newUser(role);
    const { status, body } = await me(user.token);
    expect([status, AppsMe.parse(body)]).toEqual([200, body]);
    expect(body).toEqual({
      userId: String(user.id),
      tenantId: "default",
      role: shown,
      isSuperadmin: role === "superadmin",
      scope: "global",
      via: "user_jwt",
      email: null,
    });
  });

  test("a session that is narrowed is what it may do; a token is nobody", async () => {
    const admin = await newUser("superadmin");
    const narrow = await session(admin, ["services:read"], HOUR_MS);
    expect((await me(narrow.token)).body).toMatchObject({ role: "viewer", isSuperadmin: false });
    const token = newKey("sk_");
    const made = { name: "ci", created_by: admin.id, created_at: Date.now() };
    await db.insert(app_tokens).values({ ...made, token_hash: await hashKey(token), scope: "app", app_id: 7 });
    expect((await me(token)).body).toEqual({
      userId: null,
      tenantId: "default",
      role: "service",
      isSuperadmin: false,
      scope: "app",
      via: "api_token",
      email: null,
    });
  });
});

describe("POST /api/v1/auth/signup", () => {
  const signUp = (body: object, headers?: Record<string, string>) => post("signup", body, headers);

  test("makes an ordinary account that is named after the address, and signs it in", async () => {
    const email = "Grace.Hopper+live@example.com";
    const { status, body } = await signUp({ email, password: PASSWORD, teamName: "Navy" });
    expect([status, body.error, body.data]).toEqual([201, null, { token: body.token }]);
    const who = (await me(body.token)).body;
    expect(who).toMatchObject({ role: "viewer", email });
    expect(await rowOf(Number(who.userId))).toMatchObject({ username: "Grace-Hopper-live", role: "user" });
    expect((await audited("register")).at(-1)).toMatchObject({ target_id: who.userId });
    const [first] = await db
      .select()
      .from(connections)
      .where(eq(connections.user_id, Number(who.userId)));
    expect(first?.name).toBe("Web Browser");
    const [joined] = await db
      .select()
      .from(outbox)
      .where(eq(outbox.id, `user:${who.userId}:joined`));
    expect(joined).toMatchObject({ type: "user.joined" });
    expect((await post("login", { user: email, password: PASSWORD })).status).toBe(200);
  });

  test.each([
    ["ab@example.com", "user-ab"],
    ["anonymous@example.com", "user-anonymous"],
    [`${"x".repeat(60)}@example.com`, "x".repeat(24)],
  ])("%s is %s", async (email, username) => {
    const { body } = await signUp({ email, password: PASSWORD });
    expect(await rowOf(Number((await me(body.token)).body.userId))).toMatchObject({ username });
  });

  test("whoever shares the beginning of an address gets a name of their own", async () => {
    const names = await Promise.all(
      ["a.example.com", "b.example.com", "c.example.com"].map(async (domain) => {
        const { body } = await signUp({ email: `linus@${domain}`, password: PASSWORD });
        return (await rowOf(Number((await me(body.token)).body.userId)))?.username;
      }),
    );
    expect(names).toContain("linus");
    expect(new Set(names).size).toBe(3);
    for (const name of names) expect(name).toMatch(/^linus(-[0-9a-f]{5})?$/);
  });

  test("an address that somebody has is refused, in whatever case", async () => {
    const { email } = await withEmail();
    const { status, body } = await signUp({ email: email.toUpperCase(), password: PASSWORD });
    expect([status, body.message]).toEqual([400, ["email is in use"]]);
  });

  test("of any number at once from one client, one makes an account", async () => {
    const headers = elsewhere();
    const all = Array.from({ length: 8 }, () => signUp({ email: newEmail(), password: PASSWORD }, headers));
    const statuses = (await Promise.all(all)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    expect(statuses.filter((status) => status === 429)).toHaveLength(7);
  });

  test.each([
    { email: "no address", password: PASSWORD },
    { email: "a@example.com\r\nBcc: b@example.com", password: PASSWORD },
    { email: newEmail(), password: "short" },
    { email: newEmail() },
    { email: newEmail(), password: PASSWORD, teamName: "" },
    { email: newEmail(), password: PASSWORD, teamName: "x".repeat(101) },
  ])("%j is a bad request", async (body) => {
    expect((await signUp(body)).status).toBe(400);
  });

  test("without the operator's leave nobody signs up, and whoever asks is told before", async () => {
    const withoutLeave = async (method: string, path: string, body?: object) => {
      const execution = createExecutionContext();
      const headers = { "content-type": "application/json", ...elsewhere() };
      const request = new Request(`http://sluice.test/api/v1/auth/${path}`, {
        method,
        headers,
        ...(body && { body: JSON.stringify(body) }),
      });
      const reply = await app.fetch(request, { ...bindings, STREAMHUB_ALLOW_SIGNUP: "0" }, execution);
      await waitOnExecutionContext(execution);
      return { status: reply.status, body: await reply.json() };
    };
    const config = { allowSignup: false };
    expect((await withoutLeave("GET", "config")).body).toEqual({ ...config, data: config, error: null });
    const refused = await withoutLeave("POST", "signup", { email: newEmail(), password: PASSWORD });
    expect(refused).toMatchObject({ status: 403, body: { message: "signup_disabled", error: "Forbidden" } });
    expect((await call("GET", "/api/v1/auth/config")).body.allowSignup).toBe(true);
  });
});
