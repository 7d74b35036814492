/** Registration: who gets an account, and what is written with it. */
import { eq } from "drizzle-orm";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { RegisterReply } from "../../schema/contract/identity.ts";
import { outbox } from "../../schema/tables/events.ts";
import { invite_codes, registration_addresses, users } from "../../schema/tables/identity.ts";
import { countAttempt, FAILURES_MAX, sweepLoginFailures } from "../../workers/identity/login-failures.ts";
import { register } from "../../workers/identity/register.ts";
import { sweepRegistrationAddresses } from "../../workers/identity/registration-addresses.ts";
import { audited, call, db, logged, newUser, PASSWORD, system } from "./client.ts";

const HOUR_MS = 3_600_000;
let admin: Awaited<ReturnType<typeof newUser>>;
let open = "";
let client = 0;
/** Each as another client, so that no limit is met. */
const elsewhere = () => ({ "cf-connecting-ip": `198.51.${100 + Math.floor(++client / 250)}.${client % 250}` });

beforeAll(async () => {
  admin = await newUser("admin", "root_1");
  open = (await newCode({ type: "timed" })).code;
});
beforeEach(() => {
  logged("warn");
});

async function newCode(body: Record<string, unknown> = {}) {
  const reply = await call("POST", "/api/admin/invite-codes", { token: admin.token, body });
  expect(reply.status).toBe(201);
  return reply.body;
}
const signUp = (body: Record<string, unknown>, headers: Record<string, string> = elsewhere()) =>
  call("POST", "/api/register", { body: { password: PASSWORD, invite_code: open, ...body }, headers });
const codeRow = (code: string) => db.select().from(invite_codes).where(eq(invite_codes.code, code)).get();
const named = (username: string) => db.select().from(users).where(eq(users.username, username)).get();

describe("POST /api/register", () => {
  test("makes an account that signs in; its audit row and its event are written with it", async () => {
    const { code } = await newCode();
    const reply = await signUp({ username: "Ada_L", invite_code: code });
    expect(reply.status).toBe(201);
    expect(RegisterReply.parse(reply.body)).toEqual(reply.body);
    const { id } = reply.body;
    expect(await named("ada_l")).toMatchObject({ id, role: "user", deleted_at: null });
    expect((await audited("register")).at(-1)).toMatchObject({
      actor_kind: "anonymous",
      target_type: "user",
      target_id: String(id),
      target_name: "Ada_L",
    });
    const [event] = await db
      .select()
      .from(outbox)
      .where(eq(outbox.id, `user:${id}:joined`));
    expect(event).toMatchObject({ type: "user.joined", payload: { user_id: id, username: "Ada_L" } });
    expect(await codeRow(code)).toMatchObject({ use_count: 1 });
    const login = await call("POST", "/api/token", {
      body: { username: "Ada_L", password: PASSWORD },
      headers: elsewhere(),
    });
    expect(login.status).toBe(200);
  });

  test("the code is taken as people type it", async () => {
    expect((await signUp({ username: "typist", invite_code: `  ${open.toLowerCase()} ` })).status).toBe(201);
  });

  test("a name that is taken is 400, without regard to case, and uses nothing up", async () => {
    const { code } = await newCode();
    const before = (await audited("register")).length;
    const reply = await signUp({ username: "ROOT_1", invite_code: code });
    expect(reply).toMatchObject({ status: 400, body: { error: "The username is taken" } });
    expect(await codeRow(code)).toMatchObject({ use_count: 0, last_used_at: null });
    expect(await audited("register")).toHaveLength(before);
  });

  test.each([
    { username: "ab" },
    { username: "x".repeat(31) },
    { username: "a b c" },
    { username: "ädä" },
    { username: "Anonymous" },
    { username: "good", password: "short" },
    { username: "good", password: "x".repeat(129) },
    { username: "good", invite_code: "" },
    { username: "good", invite_code: undefined },
    { username: "good", invite_code: { $ne: "" } },
    {},
  ])("%j is a bad request", async (body) => {
    expect((await signUp(body)).status).toBe(400);
  });

  test("an unknown, deactivated, expired or used code is 403, whether the name is free or not", async () => {
    const { code: used } = await newCode();
    expect((await signUp({ username: "first_of_one", invite_code: used })).status).toBe(201);
    const { id, code: deactivated } = await newCode({ type: "daily" });
    await call("DELETE", `/api/admin/invite-codes/${id}`, { token: admin.token });
    const { code: expired } = await newCode({ type: "timed" });
    await db
      .update(invite_codes)
      .set({ expires_at: Date.now() - 1 })
      .where(eq(invite_codes.code, expired));
    for (const invite_code of ["PORTAL-0000-0000-0000", "x", "' OR 1=1", used, deactivated, expired]) {
      for (const username of ["nobody_yet", "root_1"]) {
        const reply = await signUp({ username, invite_code });
        expect([invite_code, reply.status]).toEqual([invite_code, 403]);
      }
    }
    expect(await named("nobody_yet")).toBeUndefined();
  });

  test("a second account from one address within 24 hours is 429, before its code is looked at", async () => {
    const here = { "cf-connecting-ip": "203.0.113.9" };
    expect((await signUp({ username: "here_1" }, here)).status).toBe(201);
    const again = await signUp({ username: "here_2", invite_code: "wrong" }, here);
    expect(again).toMatchObject({ status: 429, body: { error: expect.stringContaining("24 hours") } });
    expect(Number(again.headers.get("retry-after"))).toBeGreaterThan(23 * 3600);
    const rows = await db.select().from(registration_addresses);
    expect(JSON.stringify(rows)).not.toContain("203.0.113.9");
  });

  test("IPv6 counts by /64", async () => {
    expect((await signUp({ username: "six_1" }, { "cf-connecting-ip": "2001:db8:7:1::1" })).status).toBe(201);
    expect((await signUp({ username: "six_2" }, { "cf-connecting-ip": "2001:db8:7:1::2" })).status).toBe(429);
    expect((await signUp({ username: "six_2" }, { "cf-connecting-ip": "2001:db8:7:2::1" })).status).toBe(201);
  });

  test("a day later the address may again, and the sweep forgets it", async () => {
    const here = { "cf-connecting-ip": "203.0.113.10" };
    const later = { ...system(), ip: "203.0.113.10", now: () => Date.now() + 24 * HOUR_MS };
    expect((await signUp({ username: "today" }, here)).status).toBe(201);
    expect(await register(later, { username: "tomorrow", password: PASSWORD, invite_code: open })).toMatchObject({
      username: "tomorrow",
    });
    expect(await sweepRegistrationAddresses(system())).toBe(0);
    const known = (await db.select().from(registration_addresses)).length;
    const much = { ...system(), now: () => Date.now() + 49 * HOUR_MS };
    expect(await sweepRegistrationAddresses(much)).toBe(known);
  });

  test("where no address can be believed, that limit does not count", async () => {
    for (const username of ["local_1", "local_2"]) expect((await signUp({ username }, {})).status).toBe(201);
  });

  test("fifty at once by one single-use code: one wins, and only one account is there", async () => {
    const { code } = await newCode();
    const before = (await audited("register")).length;
    const replies = await Promise.all(
      Array.from({ length: 50 }, (_, n) => signUp({ username: `crowd_${n}`, invite_code: code })),
    );
    const statuses = replies.map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    expect(statuses.filter((status) => status === 403)).toHaveLength(49);
    expect(await codeRow(code)).toMatchObject({ use_count: 1 });
    const made = (await db.select().from(users)).filter(({ username }) => username.startsWith("crowd_"));
    expect(made).toHaveLength(1);
    expect(await audited("register")).toHaveLength(before + 1);
  });

  test("five at once from one address: one wins", async () => {
    const here = { "cf-connecting-ip": "203.0.113.11" };
    const replies = await Promise.all(Array.from({ length: 5 }, (_, n) => signUp({ username: `house_${n}` }, here)));
    expect(replies.map(({ status }) => status).sort()).toEqual([201, 429, 429, 429, 429]);
  });

  test("five at once for one name: one wins", async () => {
    const replies = await Promise.all(Array.from({ length: 5 }, () => signUp({ username: "contested" })));
    expect(replies.map(({ status }) => status).sort()).toEqual([201, 400, 400, 400, 400]);
  });

  test("guessing codes meets the limit of logins", async () => {
    const here = { "cf-connecting-ip": "203.0.113.12" };
    const guess = () => signUp({ username: "guesser", invite_code: "PORTAL-0000-0000-0000" }, here);
    for (let n = 0; n < 10; n++) expect((await guess()).status).toBe(403);
    expect((await guess()).status).toBe(429);
  });

  test("another site cannot make a browser register", async () => {
    const headers = { ...elsewhere(), origin: "https://evil.example" };
    expect((await signUp({ username: "forced" }, headers)).status).toBe(403);
    expect(await named("forced")).toBeUndefined();
  });
});

describe("failed logins", () => {
  const tryAs = (username: string, password: string, path = "/api/token", headers = elsewhere()) =>
    call("POST", path, { body: { username, password }, headers });
  /** As many that failed already. */
  async function failed(times: number, username: string, ctx = system()): Promise<void> {
    for (let n = 0; n < times; n++) await countAttempt(ctx, username);
  }

  test("twenty for one name, by either way in and from anywhere; then 429, though the password is right", async () => {
    const { username } = await newUser();
    await failed(FAILURES_MAX - 3, username);
    expect((await tryAs(username, "wrong")).status).toBe(401);
    expect((await tryAs(username.toUpperCase(), "wrong", "/login")).status).toBe(401);
    expect((await tryAs(username, PASSWORD)).status).toBe(200);
    expect((await tryAs(username, "wrong")).status).toBe(401);
    for (const path of ["/api/token", "/login"]) {
      const refused = await tryAs(username, PASSWORD, path);
      expect(refused).toMatchObject({
        status: 429,
        body: { error: expect.stringContaining("Too many failed logins") },
      });
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(14 * 60);
    }
    expect((await tryAs((await newUser()).username, PASSWORD)).status).toBe(200);
  });

  test("a name that nobody has is counted alike", async () => {
    await failed(FAILURES_MAX - 1, "nobody_at_all");
    expect((await tryAs("nobody_at_all", "wrong")).status).toBe(401);
    expect((await tryAs("nobody_at_all", "wrong")).status).toBe(429);
  });

  test("any number at once are no more than twenty", async () => {
    const { username } = await newUser();
    await failed(FAILURES_MAX - 4, username);
    const replies = await Promise.all(Array.from({ length: 12 }, () => tryAs(username, "wrong")));
    expect(replies.filter(({ status }) => status === 401)).toHaveLength(4);
  });

  test("by address too; one that is refused locks nobody out", async () => {
    const here = { ...system(), ip: "203.0.113.77" };
    for (let n = 0; n < FAILURES_MAX; n++) await countAttempt(here, `somebody_${n}`);
    for (let n = 0; n < FAILURES_MAX; n++) {
      await expect(countAttempt(here, "victim")).rejects.toMatchObject({ code: "rate_limited" });
    }
    await countAttempt({ ...here, ip: "203.0.113.78" }, "victim");
  });

  test("are forgotten a quarter of an hour later", async () => {
    await failed(FAILURES_MAX, "patient");
    await expect(countAttempt(system(), "patient")).rejects.toMatchObject({ code: "rate_limited" });
    const later = { ...system(), now: () => Date.now() + 15 * 60_000 };
    await failed(FAILURES_MAX, "patient", later);
    await expect(countAttempt(later, "patient")).rejects.toMatchObject({ code: "rate_limited" });
    expect(await sweepLoginFailures({ ...later, now: () => Date.now() + 31 * 60_000 })).toBeGreaterThan(0);
    await countAttempt(later, "patient");
  });
});
