/** Invite codes: made, listed, deactivated, purged; and by whom. */
import { eq } from "drizzle-orm";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { type Actor, CreatedInvite, InviteList, RegistrationList } from "../../schema/contract/identity.ts";
import { invite_codes, users } from "../../schema/tables/identity.ts";
import * as hasher from "../../workers/identity/argon2id.ts";
import { endOfDay, newInviteCode, sweepInviteCodes } from "../../workers/identity/invite-codes.ts";
import { listInvites } from "../../workers/identity/list-invites.ts";
import { register } from "../../workers/identity/register.ts";
import { audited, call, db, newStream, newUser, PASSWORD, system } from "./client.ts";

const DAY_MS = 24 * 3_600_000;
const CODE = /^PORTAL-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}$/;
let admin: Awaited<ReturnType<typeof newUser>>;

beforeAll(async () => {
  admin = await newUser("admin");
});

const create = (body: Record<string, unknown>, token = admin.token) =>
  call("POST", "/api/admin/invite-codes", { token, body });
const list = (token = admin.token) => call("GET", "/api/invite-code", { token });
const deactivate = (id: number, token = admin.token) => call("DELETE", `/api/admin/invite-codes/${id}`, { token });
const registrations = (id: number, token = admin.token) =>
  call("GET", `/api/admin/invite-codes/${id}/registrations`, { token });

describe("today's code", () => {
  test("is made when it is first asked for, once, however many ask, and holds until midnight", async () => {
    const replies = await Promise.all(Array.from({ length: 5 }, () => list()));
    for (const { status, body } of replies) {
      expect(status).toBe(200);
      expect(InviteList.parse(body)).toEqual(body);
    }
    const [{ body } = expect.fail()] = replies;
    expect(new Set(replies.map((reply) => reply.body.invite_code)).size).toBe(1);
    expect(body.invite_code).toMatch(CODE);
    expect(body.legacy_daily_code).toBe(body.invite_code);
    expect(Date.parse(body.expires_at)).toBe(endOfDay(Date.now()));
    expect(body.expires_at).toContain("T23:59:59");
    expect(body.codes[0]).toMatchObject({ type: "daily", use_count: 0, max_uses: null, is_active: true });
    expect(await audited("invite_code_create")).toHaveLength(1);
  });

  test("tomorrow is another, and today's does not let in any more", async () => {
    const today = (await list()).body.invite_code;
    const tomorrow = () => Date.now() + DAY_MS;
    const actor: Actor = { kind: "user", ...admin, scopes: ["*"], via: "token" };
    const then = { ...system(), actor, now: tomorrow };
    const { invite_code, codes } = await listInvites(then);
    expect(invite_code).not.toBe(today);
    expect(codes.find(({ code }) => code === today)).toMatchObject({ is_active: false });
    const input = { username: "late", password: PASSWORD, invite_code: today };
    await expect(register(then, input)).rejects.toMatchObject({ code: "bad_invite_code" });
  });

  test("one that was deactivated makes room for another", async () => {
    const { body } = await list();
    const { id } = body.codes.find(({ code }: { code: string }) => code === body.invite_code);
    await deactivate(id);
    expect((await list()).body.invite_code).not.toBe(body.invite_code);
  });
});

describe("POST /api/admin/invite-codes", () => {
  test("single-use by default, without an end", async () => {
    const { status, body } = await create({});
    expect(status).toBe(201);
    expect(CreatedInvite.parse(body)).toEqual(body);
    expect(body).toMatchObject({ type: "single_use", label: null, expires_at: null, max_uses: 1 });
    expect(body.code).toMatch(CODE);
  });

  test("timed: 30 days or as many as are said; daily: until midnight", async () => {
    const days = ({ body }: Awaited<ReturnType<typeof create>>) =>
      Math.round((Date.parse(body.expires_at) - Date.now()) / DAY_MS);
    const timed = await create({ type: "timed", label: " For the choir " });
    expect(timed.body).toMatchObject({ label: "For the choir", max_uses: null });
    expect(days(timed)).toBe(30);
    expect(days(await create({ type: "timed", duration_days: 365 }))).toBe(365);
    expect(days(await create({ duration_days: 2 }))).toBe(2);
    const daily = await create({ type: "daily", duration_days: 9 });
    expect(Date.parse(daily.body.expires_at)).toBe(endOfDay(Date.now()));
  });

  test.each([
    { type: "forever" },
    { type: "timed", duration_days: 0 },
    { type: "timed", duration_days: 366 },
    { type: "timed", duration_days: 1.5 },
    { label: "x".repeat(101) },
    { label: "a\u0000b" },
    { label: "a\u202eb" },
    { label: 5 },
  ])("%j is a bad request", async (body) => {
    expect((await create(body)).status).toBe(400);
  });

  test("is audited, without the code", async () => {
    const { body } = await create({ label: "quiet" });
    const row = (await audited("invite_code_create")).at(-1);
    expect(row).toMatchObject({ actor_id: String(admin.id), target_id: String(body.id), target_name: "quiet" });
    expect(JSON.stringify(row)).not.toContain(body.code);
  });
});

describe("a code", () => {
  test("shows who registered by it, also after it was deactivated", async () => {
    const { body: code } = await create({ type: "timed" });
    for (const username of ["by_code_1", "by_code_2"]) {
      await register(system(), { username, password: PASSWORD, invite_code: code.code });
    }
    expect(await deactivate(code.id)).toMatchObject({ status: 200, body: { status: "deactivated" } });
    const before = (await audited("invite_code_deactivate")).length;
    expect((await deactivate(code.id)).status).toBe(200);
    expect(await audited("invite_code_deactivate")).toHaveLength(before);
    const { body } = await registrations(code.id);
    expect(RegistrationList.parse(body)).toEqual(body);
    expect(body.registrations.map(({ username }: { username: string }) => username)).toEqual([
      "by_code_2",
      "by_code_1",
    ]);
    const shown = (await list()).body.codes.find(({ id }: { id: number }) => id === code.id);
    expect(shown).toMatchObject({ use_count: 2, is_active: false, created_by: admin.id });
    expect(shown.created_by_username).toBe(admin.username);
  });

  test("a thousand register by at once, a single-use one: one of them does, and it is used once", async () => {
    const { body: code } = await create({});
    const before = await db.$count(users);
    // What is tried here is the commit: a thousand real hashes would take most of a minute.
    const hash = vi.spyOn(hasher, "argon2id").mockImplementation(async () => new Uint8Array(32));
    onTestFinished(() => hash.mockRestore());
    const outcomes = await Promise.allSettled(
      Array.from({ length: 1000 }, (_, n) =>
        register(system(), { username: `thousand_${n}`, password: PASSWORD, invite_code: code.code }),
      ),
    );
    const refused = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason.code] : []));
    expect(refused).toEqual(Array(999).fill("bad_invite_code"));
    expect(await db.$count(users)).toBe(before + 1);
    const shown = (await list()).body.codes.find(({ id }: { id: number }) => id === code.id);
    expect(shown).toMatchObject({ use_count: 1, is_active: false });
    expect((await registrations(code.id)).body.registrations).toHaveLength(1);
  }, 90_000);

  test("that nobody made is 404", async () => {
    expect((await deactivate(999_999)).status).toBe(404);
    expect((await registrations(999_999)).status).toBe(404);
    expect((await call("DELETE", "/api/admin/invite-codes/x", { token: admin.token })).status).toBe(400);
  });

  test("is purged 30 days after it last let anybody in, and not before", async () => {
    const now = Date.now();
    const [old, young] = [now - 31 * DAY_MS, now - 29 * DAY_MS];
    const row = { type: "timed", created_at: 0 } as const;
    const made = (fields: Partial<typeof invite_codes.$inferInsert>) => ({ ...row, code: newInviteCode(), ...fields });
    const gone = [
      made({ deactivated_at: old }),
      made({ expires_at: old }),
      made({ max_uses: 1, use_count: 1, last_used_at: old }),
    ];
    const kept = [
      made({ deactivated_at: young }),
      made({ expires_at: young }),
      made({ max_uses: 1, use_count: 1, last_used_at: young }),
      made({ max_uses: 2, use_count: 1, last_used_at: old }),
      made({}),
    ];
    await db.insert(invite_codes).values([...gone, ...kept]);
    expect(await sweepInviteCodes(system())).toBe(gone.length);
    for (const { code } of kept) {
      expect(await db.select().from(invite_codes).where(eq(invite_codes.code, code))).toHaveLength(1);
    }
  });
});

test("is all for admins: not for moderators, narrowed sessions, stream keys or guests", async () => {
  const { body: code } = await create({});
  const moderator = await newUser("moderator");
  const login = await call("POST", "/api/token", {
    body: { username: admin.username, password: PASSWORD, scopes: ["services:read"] },
  });
  const { stream_key } = await newStream(admin.token);
  const credentials: [Record<string, string>, number][] = [
    [{ authorization: `Bearer ${moderator.token}` }, 403],
    [{ authorization: `Bearer ${login.body.token}` }, 403],
    [{ "x-stream-key": stream_key }, 403],
    [{}, 401],
  ];
  for (const [headers, expected] of credentials) {
    for (const reply of [
      await call("GET", "/api/invite-code", { headers }),
      await call("POST", "/api/admin/invite-codes", { headers, body: {} }),
      await call("DELETE", `/api/admin/invite-codes/${code.id}`, { headers }),
      await call("GET", `/api/admin/invite-codes/${code.id}/registrations`, { headers }),
    ]) {
      expect(reply.status).toBe(expected);
      expect(reply.text).not.toContain(code.code);
    }
  }
});
