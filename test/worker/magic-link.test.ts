/** Links that sign in by mail. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { eq } from "drizzle-orm";
import { decodeJwt } from "jose";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { hashKey } from "../../schema/kit/keys.ts";
import { login_failures, magic_links, sessions, users } from "../../schema/tables/identity.ts";
import { app } from "../../workers/application.ts";
import { FAILURES_MAX } from "../../workers/identity/login-failures.ts";
import { sweepMagicLinks } from "../../workers/identity/magic-link.ts";
import { codeOf, elsewhere, newGuardedUser, stopClock } from "./authenticator.ts";
import { bindings, call, db, logged, newUser, system } from "./client.ts";
import { inbox } from "./mail.ts";

type User = { id: number };
const MINUTE_MS = 60_000;

let addresses = 0;
const newEmail = () => `linked${++addresses}@example.com`;
async function withEmail<U extends User>(user: U) {
  const email = newEmail();
  await db.update(users).set({ email }).where(eq(users.id, user.id));
  return { ...user, email };
}

const ask = (email: unknown, headers = elsewhere()) =>
  call("POST", "/api/v1/auth/magic-link", { body: { email }, headers });
const verify = (body: object) => call("POST", "/api/v1/auth/magic/verify", { body, headers: elsewhere() });
const linksOf = ({ id }: User) => db.select().from(magic_links).where(eq(magic_links.user_id, id));

/** The token in the mail that comes next. It comes after the reply. */
async function mailed(): Promise<{ token: string; raw: string; to: string[] }> {
  const [mail] = await vi.waitUntil(
    async () => {
      const mails = await inbox();
      return mails.length > 0 && mails;
    },
    { timeout: 5000, interval: 20 },
  );
  const { raw = "", to = [] } = mail ?? {};
  return { raw, to, token: /\/login\?magic=([\w-]{43})\r\n/.exec(raw)?.[1] ?? expect.fail(raw) };
}

/** A link that ends in so long. */
async function newLink({ id }: User, ttl_ms = MINUTE_MS): Promise<string> {
  const token = crypto.randomUUID();
  const now = Date.now();
  await db
    .insert(magic_links)
    .values({ token_hash: await hashKey(token), user_id: id, created_at: now, expires_at: now + ttl_ms });
  return token;
}

let warned: string[] = [];
beforeEach(async () => {
  warned = logged("warn");
  await inbox();
});

describe("an address that is changed", () => {
  const change = (token: string, email: string | null) =>
    call("PATCH", "/api/v1/account", { token, body: { email }, headers: elsewhere() });
  const next = () => vi.waitUntil(async () => (await inbox())[0], { timeout: 5000, interval: 20 });

  test("hears of it, three times a day; nobody else does, and it is no matter of capital letters", async () => {
    const user = await withEmail(await newUser());
    const { token } = user;
    expect((await change(token, user.email.toUpperCase())).status).toBe(200);
    const others = [newEmail(), newEmail(), newEmail()];
    let former = user.email;
    for (const email of others) {
      expect((await change(token, email)).status).toBe(200);
      const { to, raw } = await next();
      expect(to).toEqual([former]);
      expect(raw).toContain("does not have this e-mail address any more");
      expect(raw).toContain("\r\nhttp://sluice.test/account/security\r\n");
      former = email;
    }
    expect((await change(token, null)).body.data.email).toBe(null);
    // Who had none, or another's, is told nothing either.
    const taken = await withEmail(await newUser());
    expect((await change(token, taken.email)).status).toBe(400);
    expect((await change(token, newEmail())).status).toBe(200);
    await ask(taken.email);
    expect((await mailed()).to).toEqual([taken.email]);
  });
});

describe("asking for one", () => {
  test("it is mailed, leads here, is there as text, and signs in once", async () => {
    const user = await withEmail(await newUser());
    const { status, body } = await ask(user.email.toUpperCase());
    expect([status, body]).toEqual([200, { data: { message: expect.any(String) }, error: null }]);
    const { token, raw, to } = await mailed();
    expect(to).toEqual([user.email]);
    expect(raw).toContain(`Hello ${user.username},`);
    expect(raw).toContain(`http://sluice.test/login?magic=${token}\r\n`);
    expect(raw.split("\r\n")).toContain(token);
    const [link] = await linksOf(user);
    expect(JSON.stringify(link)).not.toContain(token);
    expect((link?.expires_at ?? 0) - (link?.created_at ?? 0)).toBe(15 * MINUTE_MS);

    const signedIn = await verify({ token });
    expect([signedIn.status, signedIn.body.error]).toEqual([200, null]);
    expect(signedIn.body.data.token).toBe(signedIn.body.token);
    expect((await call("GET", "/api/v1/auth/me", { token: signedIn.body.token })).body.email).toBe(user.email);
    const { jti } = decodeJwt(signedIn.body.token);
    const row = await db
      .select()
      .from(sessions)
      .where(eq(sessions.id, String(jti)))
      .get();
    expect(row).toMatchObject({ user_id: user.id, face: "apps", kind: "token" });
    const again = await verify({ token });
    expect([again.status, again.body.message]).toEqual([401, "The link is not valid, or not any more"]);
  });

  test("an address that nobody has gets the same reply, the same limits, and no mail", async () => {
    const user = await withEmail(await newUser());
    const [known, unknown] = [await ask(user.email), await ask(newEmail())];
    expect({ ...unknown.body, request_id: "" }).toEqual({ ...known.body, request_id: "" });
    const names = (headers: Headers) => [...headers.keys()].sort();
    expect(names(unknown.headers)).toEqual(names(known.headers));
    expect((await mailed()).to).toEqual([user.email]);
    expect(await inbox()).toEqual([]);
    expect((await Promise.all([known, unknown].map(() => ask(user.email)))).map(({ status }) => status)).toEqual([
      429, 429,
    ]);
  });

  test("somebody who was deleted gets none", async () => {
    const [gone, here] = [await withEmail(await newUser()), await withEmail(await newUser())];
    await db.update(users).set({ deleted_at: Date.now() }).where(eq(users.id, gone.id));
    expect((await ask(gone.email)).status).toBe(200);
    await ask(here.email);
    expect((await mailed()).to).toEqual([here.email]);
    expect(await linksOf(gone)).toEqual([]);
  });

  test.each([undefined, "", "nobody", "a@b", "a@example.com\r\nBcc: b@example.com", ["a@example.com"]])(
    "%j is a bad request",
    async (email) => {
      expect((await ask(email)).status).toBe(400);
    },
  );

  test("once a minute for each address, whoever asks, and three times in a quarter of an hour", async () => {
    stopClock();
    const email = newEmail();
    const start = Date.now();
    for (let asked = 0; asked < 3; asked++) {
      vi.setSystemTime(start + asked * MINUTE_MS);
      expect((await ask(email)).status).toBe(200);
      const { status, body, headers } = await ask(email.toUpperCase());
      expect(status).toBe(429);
      expect(body).toEqual({
        data: null,
        error: { code: "rate_limited", message: expect.stringContaining("try again in 60 s") },
        retryAfterSeconds: 60,
        request_id: expect.any(String),
      });
      expect(headers.get("retry-after")).toBe("60");
    }
    vi.setSystemTime(start + 3 * MINUTE_MS);
    expect((await ask(email)).body.retryAfterSeconds).toBe(12 * 60);
    vi.setSystemTime(start + 15 * MINUTE_MS);
    expect((await ask(email)).status).toBe(200);
  });

  test("ten times in a quarter of an hour for each client, whatever the address", async () => {
    const headers = elsewhere();
    for (let n = 0; n < 10; n++) expect((await ask(newEmail(), headers)).status).toBe(200);
    expect((await ask(newEmail(), headers)).status).toBe(429);
  });

  test("and no oftener where the operator lets clients sign in as often as they like", async () => {
    const headers = { "content-type": "application/json", ...elsewhere() };
    const leniently = async () => {
      const execution = createExecutionContext();
      const body = JSON.stringify({ email: newEmail() });
      const request = new Request("http://sluice.test/api/v1/auth/magic-link", { method: "POST", headers, body });
      const reply = await app.fetch(request, { ...bindings, AUTH_RATE_LIMIT_MAX: "1000" }, execution);
      await waitOnExecutionContext(execution);
      return reply.status;
    };
    const statuses = [];
    for (let n = 0; n < 11; n++) statuses.push(await leniently());
    expect(statuses).toEqual([...Array(10).fill(200), 429]);
  });

  test("of ten at once for one address, one is mailed", async () => {
    const user = await withEmail(await newUser());
    const replies = await Promise.all(Array.from({ length: 10 }, () => ask(user.email)));
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
    await mailed();
    expect(await linksOf(user)).toHaveLength(1);
  });

  test("where mail is not configured the reply is the same, and the operator is told, without the address", async () => {
    const user = await withEmail(await newUser());
    const execution = createExecutionContext();
    const request = new Request("http://sluice.test/api/v1/auth/magic-link", {
      method: "POST",
      headers: { "content-type": "application/json", ...elsewhere() },
      body: JSON.stringify({ email: user.email }),
    });
    const reply = await app.fetch(request, { ...bindings, SMTP_URL: "", MAIL_FROM: "" }, execution);
    await waitOnExecutionContext(execution);
    expect([reply.status, await reply.json()]).toEqual([200, { data: { message: expect.any(String) }, error: null }]);
    expect(warned.join()).toContain("mail is not configured");
    expect(warned.join()).not.toContain(user.email);
    expect(await linksOf(user)).toEqual([]);
  });

  test("a mail that cannot be sent is the operator's to know, without what is in it", async () => {
    const failed = logged("error");
    const user = await newUser();
    const email = `refused@host${++addresses}.example.com`;
    await db.update(users).set({ email }).where(eq(users.id, user.id));
    expect((await ask(email)).status).toBe(200);
    await vi.waitUntil(() => failed.length > 0, { timeout: 5000, interval: 20 });
    expect(failed.join()).toContain("no such mailbox");
    expect(failed.join()).not.toContain("magic=");
  });
});

describe("signing in by one", () => {
  test("it ends by itself, and then is swept away", async () => {
    const user = await newUser();
    const token = await newLink(user, -1);
    expect((await verify({ token })).status).toBe(401);
    const good = await newLink(user);
    expect(await sweepMagicLinks(system())).toBe(1);
    expect((await verify({ token: good })).status).toBe(200);
  });

  test("of ten at once one signs in", async () => {
    const user = await newUser();
    const token = await newLink(user);
    const before = await db.$count(sessions, eq(sessions.user_id, user.id));
    const replies = await Promise.all(Array.from({ length: 10 }, () => verify({ token })));
    expect(replies.map(({ status }) => status).sort()).toEqual([200, ...Array(9).fill(401)]);
    expect(await db.$count(sessions, eq(sessions.user_id, user.id))).toBe(before + 1);
  });

  test("the second factor is asked for; without the right code the link stays good, and a wrong one counts", async () => {
    stopClock();
    const user = await newGuardedUser();
    const token = await newLink(user);
    const told = async (body: object) => {
      const reply = await verify({ token, ...body });
      return [reply.status, reply.body.message];
    };
    await db.delete(login_failures);
    expect(await told({})).toEqual([401, "totp_required"]);
    expect(await db.$count(login_failures)).toBe(0);
    for (let n = 0; n < FAILURES_MAX; n++) expect(await told({ code: "000000" })).toEqual([401, "totp_invalid"]);
    expect((await verify({ token, code: codeOf(user.secret) })).status).toBe(429);
    await db.delete(login_failures);
    const code = codeOf(user.secret);
    expect((await verify({ token, code })).status).toBe(200);
    expect(await told({ code })).toEqual([401, "The link is not valid, or not any more"]);
  });

  test("a backup code will do", async () => {
    stopClock();
    const user = await newGuardedUser();
    expect((await verify({ token: await newLink(user), code: user.codes[0] })).status).toBe(200);
    expect((await verify({ token: await newLink(user), code: user.codes[0] })).status).toBe(401);
  });

  test("somebody who was deleted does not get in", async () => {
    const user = await newUser();
    const token = await newLink(user);
    await db.update(users).set({ deleted_at: Date.now() }).where(eq(users.id, user.id));
    expect((await verify({ token })).status).toBe(401);
  });

  test.each([
    [{}, 400],
    [{ token: "" }, 400],
    [{ token: "x".repeat(129) }, 400],
    [{ token: "nonsense" }, 401],
  ])("%j: %i", async (body, status) => {
    expect((await verify(body)).status).toBe(status);
  });

  test("the pages sign in by one as well, once, and ask for the second factor", async () => {
    const logIn = (body: object) => call("POST", "/login", { body, headers: elsewhere() });
    const user = await newUser();
    const token = await newLink(user);
    const reply = await logIn({ magic_token: token });
    expect(reply.body).toEqual({ status: "logged_in", user_id: user.id, username: user.username });
    const cookie = reply.headers.get("set-cookie")?.split(";")[0] ?? "";
    expect((await call("GET", "/api/me", { headers: { cookie } })).body.id).toBe(user.id);
    expect((await logIn({ magic_token: token })).status).toBe(401);
    expect((await logIn({})).body.error).toMatch(/username is required/);

    stopClock();
    const guarded = await newGuardedUser();
    const other = await newLink(guarded);
    const asked = await logIn({ magic_token: other });
    expect([asked.status, asked.body.status, asked.headers.get("set-cookie")]).toEqual([200, "2fa_required", null]);
    expect((await logIn({ magic_token: other, totp_code: codeOf(guarded.secret) })).body.status).toBe("logged_in");
  });
});
