import { eq } from "drizzle-orm";
import { decodeJwt } from "jose";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Me, TokenReply } from "../../schema/contract/identity.ts";
import { outbox } from "../../schema/tables/events.ts";
import { sessions, users } from "../../schema/tables/identity.ts";
import { hashPassword, verifyPassword } from "../../workers/identity/password.ts";
import { sweepSessions } from "../../workers/identity/sweep.ts";
import { audited, call, db, logged, newUser, ORIGIN, PASSWORD, system } from "./client.ts";

let ada: Awaited<ReturnType<typeof newUser>>;
let admin: Awaited<ReturnType<typeof newUser>>;
let client = 0;
/** Each as another client, so that no limit is met. */
const elsewhere = () => ({ "cf-connecting-ip": `198.51.100.${++client}` });

beforeAll(async () => {
  ada = await newUser("user", "ada");
  admin = await newUser("superadmin", "root_1");
});

const logIn = (body: Record<string, unknown>, headers: Record<string, string> = {}) =>
  call("POST", "/login", { body, headers: { ...elsewhere(), ...headers } });
const getToken = (body: Record<string, unknown>) => call("POST", "/api/token", { body, headers: elsewhere() });
const cookieOf = (headers: Headers) => headers.get("set-cookie") ?? "";

beforeEach(() => {
  logged("warn");
});

describe("POST /api/token", () => {
  test("gives a token that works, with all documented fields", async () => {
    const before = Date.now();
    const { status, body } = await getToken({ username: "ada", password: PASSWORD, name: "laptop" });
    expect(status).toBe(200);
    expect(TokenReply.parse(body)).toEqual(body);
    expect(body).toMatchObject({
      user_id: ada.id,
      scopes: ["services:read", "access:*"],
      user: { id: ada.id, username: "ada", is_admin: false },
    });
    expect(Date.parse(body.expires_at) - before).toBeGreaterThan(719.9 * 3_600_000);
    expect((await call("GET", "/api/me", { token: body.token })).body.username).toBe("ada");
    const claims = decodeJwt(body.token);
    expect(claims).toMatchObject({
      iss: "sluice",
      sub: String(ada.id),
      jti: body.token_id,
      role: "user",
      tenant: "default",
      aud: ["portal", "apps", "recorder"],
    });
    expect(claims.exp).toBe(Date.parse(body.expires_at) / 1000);
  });

  test("writes a session, an audit row and one event", async () => {
    const { body } = await getToken({ username: "ada", password: PASSWORD });
    const row = await db.select().from(sessions).where(eq(sessions.id, body.token_id)).get();
    expect(row).toMatchObject({ user_id: ada.id, face: "portal", kind: "token", revoked_at: null });
    expect((await audited("login")).at(-1)).toMatchObject({
      actor_kind: "user",
      actor_id: String(ada.id),
      target_id: body.token_id,
    });
    const [event] = await db
      .select()
      .from(outbox)
      .where(eq(outbox.id, `session:${body.token_id}:login`));
    expect(event).toMatchObject({ type: "user.login", payload: { user_id: ada.id, username: "ada" } });
  });

  test("scopes: admins get what they ask for, others what they always get", async () => {
    const scopes = async (username: string, asked?: string[]) =>
      (await getToken({ username, password: PASSWORD, ...(asked && { scopes: asked }) })).body.scopes;
    expect(await scopes("root_1")).toEqual(["*"]);
    expect(await scopes("root_1", ["admin", "admin"])).toEqual(["admin"]);
    expect(await scopes("ada", ["*"])).toEqual(["services:read", "access:*"]);
  });

  test.each([
    [{ name: "a\nb" }, /^name must not contain/],
    [{ name: "a\u202eb" }, /^name must not contain/],
    [{ name: "x".repeat(101) }, "name must be at most 100 characters"],
    [{ scopes: [] }, "scopes must be 1 to 32"],
    [{ expires_hours: 0 }, "expires_hours must be from 1 to 8760"],
    [{ expires_hours: 8761 }, "expires_hours must be from 1 to 8760"],
  ])("%j is a bad request", async (fields, error) => {
    const { status, body } = await getToken({ username: "ada", password: PASSWORD, ...fields });
    expect([status, body.error]).toEqual([400, typeof error === "string" ? error : expect.stringMatching(error)]);
  });

  test("expires_hours is honoured", async () => {
    const { body } = await getToken({ username: "ada", password: PASSWORD, expires_hours: 1 });
    expect(Date.parse(body.expires_at) - Date.now()).toBeLessThanOrEqual(3_600_000);
  });

  test("names are found without regard to case", async () => {
    expect((await getToken({ username: "ADA", password: PASSWORD })).body.user.username).toBe("ada");
  });

  test("an unknown name and a wrong password are told apart by nothing", async () => {
    const wrong = await getToken({ username: "ada", password: "wrong" });
    const unknown = await getToken({ username: "nobody", password: "wrong" });
    expect([wrong.status, unknown.status]).toEqual([401, 401]);
    expect({ ...wrong.body, request_id: "" }).toEqual({ ...unknown.body, request_id: "" });
    const names = (headers: Headers) => [...headers.keys()].sort();
    expect(names(wrong.headers)).toEqual(names(unknown.headers));
  });

  test.each([
    {},
    { username: "ada" },
    { password: PASSWORD },
    { username: "", password: PASSWORD },
    { username: "ada", password: "" },
    { username: ["ada"], password: PASSWORD },
    { username: { $ne: "" }, password: { $ne: "" } },
    { username: "ada", password: "x".repeat(1025) },
    { username: "ada", password: PASSWORD, expires_hours: 0 },
    { username: "ada", password: PASSWORD, expires_hours: 1.5 },
    { username: "ada", password: PASSWORD, expires_hours: 1e9 },
    { username: "ada", password: PASSWORD, scopes: [] },
    { username: "ada", password: PASSWORD, scopes: ["a b"] },
    { username: "ada", password: PASSWORD, scopes: "*" },
  ])("%j is a bad request", async (body) => {
    expect((await getToken(body)).status).toBe(400);
  });

  test.each(["' OR '1'='1", "ada'--", 'ada" OR 1=1', "%", "_da", "admin'/*", "<script>"])(
    "the name %s is nobody's",
    async (username) => {
      expect((await getToken({ username, password: PASSWORD })).status).toBe(401);
    },
  );
});

describe("POST /login", () => {
  test("JSON: a cookie that no script reads and other sites do not send, and who signed in", async () => {
    const { status, headers, body } = await logIn({ username: "ada", password: PASSWORD });
    expect([status, body]).toEqual([200, { status: "logged_in", user_id: ada.id, username: "ada" }]);
    expect(cookieOf(headers)).toMatch(/^portal_session=eyJ[^;]+; Max-Age=86400; Path=\/; HttpOnly; SameSite=Lax$/);
    const [pair = ""] = cookieOf(headers).split(";");
    expect((await call("GET", "/api/me", { headers: { cookie: pair } })).body.username).toBe("ada");
  });

  test.each([
    [true, 2_592_000],
    [1, 2_592_000],
    ["on", 2_592_000],
    [0, 86_400],
    [false, 86_400],
    ["off", 86_400],
  ])("remember: %j keeps it %i s", async (remember, seconds) => {
    const { headers } = await logIn({ username: "ada", password: PASSWORD, remember });
    expect(cookieOf(headers)).toContain(`Max-Age=${seconds};`);
  });

  test("a form is sent on to the dashboard", async () => {
    const { status, headers } = await call("POST", "/login", {
      headers: { ...elsewhere(), "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({ username: "ada", password: PASSWORD, remember: "on" }).toString(),
    });
    expect([status, headers.get("location")]).toEqual([302, "/dashboard"]);
    expect(cookieOf(headers)).toContain("Max-Age=2592000");
  });

  test.each([
    "Application/X-WWW-Form-URLencoded",
    "application/x-www-form-urlencoded; Charset=UTF-8",
    " application/x-www-form-urlencoded ",
  ])("a form however its type is spelt: %s", async (type) => {
    const { status, headers } = await call("POST", "/login", {
      headers: { ...elsewhere(), "content-type": type },
      body: new URLSearchParams({ username: "ada", password: PASSWORD }).toString(),
    });
    expect([status, headers.get("location")]).toEqual([302, "/dashboard"]);
  });

  test("wrong: 401 and no cookie; a form that wants HTML gets a page", async () => {
    const { status, headers } = await logIn({ username: "ada", password: "wrong" });
    expect([status, headers.get("set-cookie")]).toEqual([401, null]);
    const page = await call("POST", "/login", {
      headers: { ...elsewhere(), "content-type": "application/x-www-form-urlencoded", accept: "text/html" },
      body: "username=%3Cb%3E&password=wrong",
    });
    expect([page.status, page.headers.get("content-type")]).toEqual([401, "text/html; charset=utf-8"]);
    expect(page.text).not.toContain("<b>");
  });

  test("another site cannot sign a browser in", async () => {
    const body = { username: "ada", password: PASSWORD };
    const foreign: Record<string, string>[] = [
      { origin: "https://evil.example" },
      { origin: "null" },
      { "sec-fetch-site": "cross-site" },
    ];
    for (const headers of foreign) {
      const reply = await logIn(body, headers);
      expect([reply.status, reply.headers.get("set-cookie")]).toEqual([403, null]);
    }
    expect((await logIn(body, { origin: ORIGIN, "sec-fetch-site": "same-origin" })).status).toBe(200);
  });

  test("over HTTPS the cookie is Secure", async () => {
    const { exports } = (await import("cloudflare:workers")) as unknown as { exports: { default: Fetcher } };
    const response = await exports.default.fetch("https://sluice.test/login", {
      method: "POST",
      headers: { "content-type": "application/json", ...elsewhere() },
      body: JSON.stringify({ username: "ada", password: PASSWORD }),
    });
    expect(response.headers.get("set-cookie")).toContain("; Secure");
  });
});

describe("GET /logout", () => {
  test("revokes the session, clears the cookie, and is audited once", async () => {
    const [cookie = ""] = cookieOf((await logIn({ username: "ada", password: PASSWORD })).headers).split(";");
    const before = (await audited("logout")).length;
    for (let times = 0; times < 2; times++) {
      const { status, headers } = await call("GET", "/logout", { headers: { cookie } });
      expect([status, headers.get("location")]).toEqual([302, "/login"]);
      expect(cookieOf(headers)).toMatch(/^portal_session=; Max-Age=0; Path=\//);
    }
    expect((await call("GET", "/api/me", { headers: { cookie } })).status).toBe(401);
    expect(await audited("logout")).toHaveLength(before + 1);
  });

  test("signed out already, it says the same", async () => {
    expect((await call("GET", "/logout")).status).toBe(302);
  });
});

describe("GET /api/me", () => {
  test("says who, and what the role may do", async () => {
    const mine = await call("GET", "/api/me", { token: ada.token });
    expect(Me.parse(mine.body)).toEqual(mine.body);
    expect(mine.body).toMatchObject({
      id: ada.id,
      username: "ada",
      role: "user",
      is_admin: false,
      totp_enabled: false,
      permissions: { can_manage_users: false, manageable_roles: [], can_add_streams: true },
    });
    expect(mine.text).not.toContain("argon2");
    expect((await call("GET", "/api/me", { token: admin.token })).body).toMatchObject({
      is_admin: true,
      scopes: ["*"],
      permissions: { can_delete_users: true, manageable_roles: ["user", "moderator", "admin", "superadmin"] },
    });
  });

  test("says what one may do by a credential that is narrowed, which is less than the account may", async () => {
    const { body } = await getToken({ username: "root_1", password: PASSWORD, scopes: ["services:read"] });
    expect((await call("GET", "/api/me", { token: body.token })).body).toMatchObject({
      role: "superadmin",
      is_admin: true,
      permissions: {
        can_manage_users: false,
        can_reset_passwords: false,
        can_delete_users: false,
        manageable_roles: [],
        can_add_streams: true,
      },
    });
  });

  test("401 is JSON whatever Accept says", async () => {
    const { status, body } = await call("GET", "/api/me", { headers: { accept: "text/html" } });
    expect(status).toBe(401);
    expect(body).toEqual({
      error: expect.stringMatching(/^Authentication required: sign in/),
      status: 401,
      request_id: expect.any(String),
    });
  });

  test("a role that changed counts at the next look-up", async () => {
    const user = await newUser();
    await db.update(users).set({ role: "moderator" }).where(eq(users.id, user.id));
    expect((await call("GET", "/api/me", { token: user.token })).body.permissions.manageable_roles).toEqual(["user"]);
  });
});

describe("a cookie", () => {
  const cookie = () => ({ cookie: `portal_session=${ada.token}` });

  test("does not write for another site; a token does not care", async () => {
    const foreign: Record<string, string>[] = [
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: `${ORIGIN}.evil.example` },
      { origin: "https://sluice.test" },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
    ];
    for (const headers of foreign) {
      const write = { headers: { ...cookie(), ...headers }, body: { title: `T ${JSON.stringify(headers)}` } };
      expect((await call("POST", "/api/streams", write)).status).toBe(403);
      expect((await call("PUT", "/api/streams/1", write)).status).toBe(403);
      expect((await call("DELETE", "/api/streams/1", { headers: write.headers })).status).toBe(403);
      expect((await call("GET", "/api/streams", { headers: write.headers })).status).toBe(200);
      const byToken = await call("POST", "/api/streams", {
        token: ada.token,
        headers,
        body: { title: `by token ${JSON.stringify(headers)}` },
      });
      expect(byToken.status).toBe(201);
    }
  });

  test("writes for our own pages, and for clients that are no browsers", async () => {
    for (const headers of [{ origin: ORIGIN }, { origin: ORIGIN, "sec-fetch-site": "same-origin" }, {}]) {
      const body = { title: `cookie ${JSON.stringify(headers)}` };
      expect(
        (await call("POST", "/api/streams", { headers: { ...cookie(), ...(headers as Record<string, string>) }, body }))
          .status,
      ).toBe(201);
    }
  });
});

describe("passwords", () => {
  test("are kept as argon2id with the stated cost, salted", async () => {
    const [one, two] = [await hashPassword("pässword"), await hashPassword("pässword")];
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(one).not.toBe(two);
    expect(await verifyPassword(one, "pässword")).toBe(true);
    expect(await verifyPassword(one, "passwort")).toBe(false);
    expect(await verifyPassword(null, "pässword")).toBe(false);
  });

  test("are the same however a keyboard spells a letter", async () => {
    expect(await verifyPassword(await hashPassword("p\u00e4ssword"), "pa\u0308ssword")).toBe(true);
    expect(await verifyPassword(await hashPassword("pa\u0308ssword"), "p\u00e4ssword")).toBe(true);
  });

  test("the hash is argon2id's own: a vector made elsewhere holds", async () => {
    // Node's crypto.argon2Sync("argon2id", {memory: 19456, passes: 2, parallelism: 1, tagLength: 32, …})
    const vector = "$argon2id$v=19$m=19456,t=2,p=1$c2l4dGVlbiBieXRlcyBvaw$bAfnes5HACCDehV3nD4BAoSgv8xaEH/F3i1SkZIIJbI";
    expect(await verifyPassword(vector, "correct horse battery staple")).toBe(true);
  });
});

test("the sweep takes sessions that expired long ago, and no others", async () => {
  const [old, fresh] = [await newUser(), await newUser()];
  await db
    .update(sessions)
    .set({ expires_at: Date.now() - 8 * 24 * 3_600_000 })
    .where(eq(sessions.id, old.session));
  expect(await sweepSessions(system())).toBe(1);
  expect(await db.select().from(sessions).where(eq(sessions.id, old.session))).toEqual([]);
  expect(await db.select().from(sessions).where(eq(sessions.id, fresh.session))).toHaveLength(1);
});
