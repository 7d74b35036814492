/** Guessing passwords and codes: what it costs, when it ends, and what it tells. */
import { eq } from "drizzle-orm";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { users } from "../../schema/tables/identity.ts";
import * as hasher from "../../workers/identity/argon2id.ts";
import { checkCredentials } from "../../workers/identity/check-credentials.ts";
import { countAttempt, FAILURES_MAX } from "../../workers/identity/login-failures.ts";
import { codeOf, elsewhere, type GuardedUser, newGuardedUser, stopClock } from "./authenticator.ts";
import { call, db, logged, newUser, PASSWORD, type Reply, system } from "./client.ts";

const MINUTE_MS = 60_000;
const LOGINS = ["/api/token", "/login"] as const;

beforeEach(() => {
  logged("warn");
  stopClock();
});

const later = (ms: number) => vi.setSystemTime(Date.now() + ms);
const tryAs = (
  body: Record<string, unknown>,
  path: string = LOGINS[0],
  headers: Record<string, string> = elsewhere(),
) => call("POST", path, { body: { password: PASSWORD, ...body }, headers });
const disable = ({ token }: { token: string }, body: unknown) =>
  call("POST", "/api/user/2fa/disable", { token, body, headers: elsewhere() });

/** Counts what the real hasher does while a test runs. */
function hashes() {
  const spy = vi.spyOn(hasher, "argon2id");
  onTestFinished(() => spy.mockRestore());
  return spy;
}

/** As many that failed already. */
async function failed(times: number, username: string, ctx = system()): Promise<void> {
  for (let n = 0; n < times; n++) await countAttempt(ctx, username);
}

function expectLocked({ status, headers, body }: Reply): void {
  expect(status).toBe(429);
  expect(body.error).toMatch(/^Too many failed logins, try again in \d+ min$/);
  const wait = Number(headers.get("retry-after"));
  expect(wait).toBeGreaterThan(0);
  expect(wait).toBeLessThanOrEqual(15 * 60);
}

describe("a login hashes exactly once:", () => {
  let user: GuardedUser;
  let plain: Awaited<ReturnType<typeof newUser>>;

  beforeEach(async () => {
    user = await newGuardedUser();
    plain = await newUser();
  });

  const TRIES: Record<string, () => [status: number, body: Record<string, unknown>]> = {
    "nobody's name": () => [401, { username: "nobody_at_all" }],
    "nobody's name, with a code": () => [401, { username: "nobody_at_all", totp_code: "123456" }],
    "a name that cannot be": () => [401, { username: "' OR 1=1 --" }],
    "a wrong password": () => [401, { username: plain.username, password: "wrong" }],
    "a very long password": () => [401, { username: plain.username, password: "x".repeat(1024) }],
    "the right password": () => [200, { username: plain.username }],
    "a wrong password, with a factor": () => [401, { username: user.username, password: "wrong" }],
    "a wrong password and the right code": () => [
      401,
      { username: user.username, password: "wrong", totp_code: codeOf(user.secret) },
    ],
    "the right password without a code": () => [401, { username: user.username }],
    "the right password and a wrong code": () => [401, { username: user.username, totp_code: "000000" }],
    "the right password and a wrong backup code": () => [401, { username: user.username, totp_code: "00000000" }],
    "the right password and code": () => [200, { username: user.username, totp_code: codeOf(user.secret) }],
    "the right password and a backup code": () => [200, { username: user.username, totp_code: user.codes[0] }],
  };

  test.each(Object.entries(TRIES))("%s", async (_name, make) => {
    const [status, body] = make();
    const hash = hashes();
    expect((await tryAs(body)).status).toBe(status);
    expect(hash).toHaveBeenCalledTimes(1);
  });

  test("and not at all once the name is locked", async () => {
    await failed(FAILURES_MAX, plain.username);
    const hash = hashes();
    expectLocked(await tryAs({ username: plain.username }));
    expect(hash).not.toHaveBeenCalled();
  });

  test("by e-mail address too, known or not", async () => {
    await db.update(users).set({ email: "plain@example.com" }).where(eq(users.id, plain.id));
    const hash = hashes();
    for (const username of ["plain@example.com", "nobody@example.com"]) {
      const input = { username, password: "wrong", by: "email-or-name" } as const;
      await expect(checkCredentials(system(), input)).rejects.toMatchObject({ code: "bad_credentials" });
    }
    expect(hash).toHaveBeenCalledTimes(2);
  });
});

describe("twenty failures of one name", () => {
  test("of whatever kind are one count, and the twenty-first is refused though all of it is right", async () => {
    const user = await newGuardedUser();
    const { username } = user;
    const kinds: (() => Promise<Reply>)[] = [
      () => tryAs({ username, password: "wrong" }),
      () => tryAs({ username: username.toUpperCase(), password: "wrong" }, "/login"),
      () => tryAs({ username, totp_code: "000000" }),
      () => tryAs({ username, totp_code: "00000000" }, "/login"),
      () => disable(user, { code: "000000" }),
      () => disable(user, { password: "wrong" }),
    ];
    for (let n = 0; n < FAILURES_MAX; n++) {
      expect((await kinds[n % kinds.length]?.())?.status).toBe(401);
    }
    for (const path of LOGINS) {
      expectLocked(await tryAs({ username, totp_code: codeOf(user.secret) }, path));
      expectLocked(await tryAs({ username, totp_code: user.codes[0] }, path));
    }
    expectLocked(await disable(user, { code: codeOf(user.secret) }));
    expectLocked(await disable(user, { password: PASSWORD }));
    // What was tried in vain is not used up, and others are not concerned.
    expect((await tryAs({ username: (await newUser()).username })).status).toBe(200);
    later(15 * MINUTE_MS);
    expect((await tryAs({ username, totp_code: user.codes[0] })).status).toBe(200);
  });

  test("of codes by any number at once: no more are looked at", async () => {
    const user = await newGuardedUser();
    await failed(FAILURES_MAX - 4, user.username);
    const guesses = Array.from({ length: 12 }, (_, n) => disable(user, { code: `00000${n % 10}` }));
    const replies = await Promise.all(guesses);
    expect(replies.filter(({ status }) => status === 401)).toHaveLength(4);
    expect(replies.filter(({ status }) => status === 429)).toHaveLength(8);
  });

  test("are the account's when its e-mail address was typed, where it is codes that are guessed", async () => {
    const user = await newGuardedUser();
    await db.update(users).set({ email: "guarded@example.com" }).where(eq(users.id, user.id));
    await failed(FAILURES_MAX - 1, user.username);
    const input = { username: "guarded@example.com", password: PASSWORD, by: "email-or-name" } as const;
    const guess = () => checkCredentials(system(), { ...input, code: "000000" });
    await expect(guess()).rejects.toMatchObject({ code: "totp_invalid" });
    await expect(guess()).rejects.toMatchObject({ code: "rate_limited" });
    expectLocked(await tryAs({ username: user.username, totp_code: codeOf(user.secret) }));
  });

  test("are the account's whether its name or its e-mail address was typed", async () => {
    const user = await newUser();
    await db.update(users).set({ email: "both@example.com" }).where(eq(users.id, user.id));
    const guess = (username: string, password: string) =>
      checkCredentials(system(), { username, password, by: "email-or-name" });
    await failed(FAILURES_MAX - 1, user.username);
    await expect(guess("both@example.com", "wrong")).rejects.toMatchObject({ code: "bad_credentials" });
    await expect(guess("both@example.com", PASSWORD)).rejects.toMatchObject({ code: "rate_limited" });
    expectLocked(await tryAs({ username: user.username }));
  });

  test("do not tell whether somebody has the name", async () => {
    const { username } = await newUser();
    const replies = [];
    for (const name of [username, "nobody_else"]) {
      await failed(FAILURES_MAX - 1, name);
      replies.push([await tryAs({ username: name, password: "wrong" }), await tryAs({ username: name })]);
    }
    const told = replies.map((both) =>
      both.map(({ status, body, headers }) => [
        status,
        body.error,
        headers.get("retry-after"),
        [...headers.keys()].sort(),
      ]),
    );
    expect(told[0]).toEqual(told[1]);
    expect(told[0]?.map(([status]) => status)).toEqual([401, 429]);
  });

  test("are none when the password was right and only the code was missing", async () => {
    const user = await newGuardedUser();
    await failed(FAILURES_MAX - 1, user.username);
    for (let n = 0; n < 3; n++) expect((await tryAs({ username: user.username })).status).toBe(401);
    expect((await tryAs({ username: user.username, totp_code: codeOf(user.secret) })).status).toBe(200);
  });

  test("end a quarter of an hour after the first, and not a second before", async () => {
    const { username } = await newUser();
    await failed(1, username);
    later(10 * MINUTE_MS);
    await failed(FAILURES_MAX - 1, username);
    later(5 * MINUTE_MS - 1000);
    const refused = await tryAs({ username });
    expectLocked(refused);
    expect(refused.headers.get("retry-after")).toBe("1");
    later(1000);
    expect((await tryAs({ username })).status).toBe(200);
  });
});

describe("twenty failures of one address", () => {
  const from = (ip: string) => ({ "cf-connecting-ip": ip });

  test("lock it for every name, and a network of IPv6 counts as one", async () => {
    const { username } = await newUser();
    for (let n = 0; n < FAILURES_MAX; n++) {
      // Ten a minute are let through to be counted.
      if (n === FAILURES_MAX / 2) later(MINUTE_MS);
      const guess = await tryAs({ username: `victim_${n}`, password: "wrong" }, LOGINS[n % 2], from(`2001:db8::${n}`));
      expect(guess.status).toBe(401);
    }
    later(MINUTE_MS);
    expectLocked(await tryAs({ username }, "/api/token", from("2001:db8::ffff")));
    expect((await tryAs({ username }, "/api/token", from("2001:db8:0:1::1"))).status).toBe(200);
  });

  test("are not paid off by a login of one's own", async () => {
    const { username } = await newUser();
    const here = { ...system(), ip: "203.0.113.91" };
    await failed(FAILURES_MAX - 1, "victim", here);
    expect((await tryAs({ username }, "/api/token", from(here.ip))).status).toBe(200);
    await failed(1, "victim_2", here);
    expectLocked(await tryAs({ username }, "/api/token", from(here.ip)));
  });
});
