/** Other people: who may see, make, change, reset and block whom. */
import { eq } from "drizzle-orm";
import { beforeAll, describe, expect, test } from "vitest";
import { CHAT_CLOSE } from "../../schema/contract/chat-frames.ts";
import { BlockedUsers, FoundUsers, UserList, UserRole } from "../../schema/contract/identity.ts";
import { api_keys, sessions, users } from "../../schema/tables/identity.ts";
import { verifyPassword } from "../../workers/identity/password.ts";
import { openSession } from "../../workers/identity/sessions.ts";
import { connect } from "./chat.ts";
import { audited, call, db, newStream, newUser, PASSWORD, system } from "./client.ts";

type User = Awaited<ReturnType<typeof newUser>>;
let staff: Record<UserRole, User>;

beforeAll(async () => {
  const made = await Promise.all(UserRole.options.map(async (role) => [role, await newUser(role)] as const));
  staff = Object.fromEntries(made) as Record<UserRole, User>;
});

const as = (role: UserRole) => ({ token: staff[role].token });
const rowOf = (id: number) => db.select().from(users).where(eq(users.id, id)).get();
const setRole = (by: User, id: number, role: unknown) =>
  call("PUT", `/api/users/${id}/role`, { token: by.token, body: { role } });
const reset = (by: User, id: number, new_password: unknown = "another password") =>
  call("POST", `/api/users/${id}/reset-password`, { token: by.token, body: { new_password } });
const isIn = async ({ token }: User) => (await call("GET", "/api/me", { token })).status === 200;

describe("GET /api/users", () => {
  test("shows moderators every account, and whom they may manage", async () => {
    const { status, body, text } = await call("GET", "/api/users", as("moderator"));
    expect(status).toBe(200);
    expect(UserList.parse(body)).toEqual(body);
    expect(body).toMatchObject({ actor_role: "moderator", manageable_roles: ["user"] });
    expect(body.users).toHaveLength(body.total);
    const { id, username } = staff.superadmin;
    expect(body.users).toContainEqual(
      expect.objectContaining({ id, username, role: "superadmin", is_admin: true, created_at: expect.any(String) }),
    );
    expect(text).not.toMatch(/argon2|password/);
  });

  test("in pages, and by a part of a name", async () => {
    await newUser("user", "needle_in_hay");
    const found = await call("GET", "/api/users?q=EEDLE_", as("admin"));
    expect(found.body).toMatchObject({ total: 1, users: [{ username: "needle_in_hay" }] });
    const page = await call("GET", "/api/users?limit=1&offset=1", as("admin"));
    expect(page.body.users).toHaveLength(1);
    expect((await call("GET", "/api/users?limit=0", as("admin"))).status).toBe(400);
  });

  test("not users, stream keys, guests, or admins whose session is narrowed", async () => {
    expect((await call("GET", "/api/users", as("user"))).status).toBe(403);
    expect((await call("GET", "/api/users")).status).toBe(401);
    const { stream_key } = await newStream(staff.admin.token);
    expect((await call("GET", "/api/users", { headers: { "x-stream-key": stream_key } })).status).toBe(403);
    const narrow = await call("POST", "/api/token", {
      body: { username: staff.superadmin.username, password: PASSWORD, scopes: ["services:read"] },
    });
    expect((await call("GET", "/api/users", { token: narrow.body.token })).status).toBe(403);
  });
});

describe("POST /api/users", () => {
  const create = (role: UserRole, body: Record<string, unknown>) =>
    call("POST", "/api/users", { ...as(role), body: { password: PASSWORD, ...body } });

  test("makes an account that signs in", async () => {
    const { status, body } = await create("admin", { username: "made_1" });
    expect([status, body]).toEqual([
      201,
      { id: expect.any(Number), username: "made_1", role: "user", is_admin: false },
    ]);
    const login = await call("POST", "/api/token", { body: { username: "made_1", password: PASSWORD } });
    expect(login.status).toBe(200);
    expect((await audited("user_create")).at(-1)).toMatchObject({
      actor_id: String(staff.admin.id),
      target_id: String(body.id),
      target_name: "made_1",
      details: { role: "user" },
    });
  });

  test("of roles below one's own; superadmins of any", async () => {
    expect((await create("admin", { username: "made_2", role: "moderator" })).status).toBe(201);
    expect((await create("admin", { username: "made_3", role: "admin" })).status).toBe(403);
    expect((await create("admin", { username: "made_3", is_admin: true })).status).toBe(403);
    expect(await create("moderator", { username: "made_3" })).toMatchObject({
      status: 403,
      body: { error: "Only an admin may do that" },
    });
    const { body } = await create("superadmin", { username: "made_3", is_admin: 1 });
    expect(body).toMatchObject({ role: "admin", is_admin: true });
  });

  test("a name that is taken is 409, a bad one 400", async () => {
    expect((await create("admin", { username: staff.user.username.toUpperCase() })).status).toBe(409);
    for (const username of ["a b", "x", "anonymous", 5]) {
      expect((await create("admin", { username })).status).toBe(400);
    }
  });
});

describe("PUT /api/users/{id}/role", () => {
  const MAY: [by: UserRole, target: UserRole, role: UserRole, status: number][] = [
    ["user", "user", "user", 403],
    ["moderator", "user", "moderator", 403],
    ["moderator", "moderator", "user", 403],
    ["admin", "user", "moderator", 200],
    ["admin", "user", "admin", 403],
    ["admin", "moderator", "user", 200],
    ["admin", "admin", "user", 403],
    ["admin", "superadmin", "user", 403],
    ["superadmin", "user", "superadmin", 200],
    ["superadmin", "admin", "moderator", 200],
    ["superadmin", "superadmin", "admin", 200],
  ];
  test.each(MAY)("a %s makes a %s a %s: %d", async (by, from, role, status) => {
    const target = await newUser(from);
    const reply = await setRole(staff[by], target.id, role);
    expect(reply.status).toBe(status);
    expect((await rowOf(target.id))?.role).toBe(status === 200 ? role : from);
    expect(await isIn(target)).toBe(status !== 200);
  });

  test("is audited, ends every session and closes every socket", async () => {
    const target = await newUser();
    const socket = await connect({ authorization: `Bearer ${target.token}` });
    await socket.next("connected");
    expect(await isIn(target)).toBe(true);
    const { body } = await setRole(staff.admin, target.id, "moderator");
    expect(body).toEqual({
      id: target.id,
      username: target.username,
      role: "moderator",
      is_admin: false,
      message: expect.stringContaining("moderator"),
    });
    expect(await socket.closed).toBe(CHAT_CLOSE.unauthenticated);
    expect(await isIn(target)).toBe(false);
    expect((await audited("role_change")).at(-1)).toMatchObject({
      actor_id: String(staff.admin.id),
      target_id: String(target.id),
      details: { old_role: "user", new_role: "moderator" },
    });
  });

  test("the role they have already changes nothing", async () => {
    const target = await newUser();
    const before = (await audited("role_change")).length;
    expect((await setRole(staff.admin, target.id, "user")).status).toBe(200);
    expect(await isIn(target)).toBe(true);
    expect(await audited("role_change")).toHaveLength(before);
  });

  test("oneself 400, nobody 404, nonsense 400", async () => {
    expect((await setRole(staff.superadmin, staff.superadmin.id, "user")).status).toBe(400);
    expect((await setRole(staff.superadmin, 999_999, "user")).status).toBe(404);
    expect((await setRole(staff.superadmin, staff.user.id, "root")).status).toBe(400);
    expect((await call("PUT", "/api/users/x/role", { ...as("admin"), body: { role: "user" } })).status).toBe(400);
  });

  test("of two superadmins that demote each other at once, one stays", async () => {
    await db.update(users).set({ role: "admin" }).where(eq(users.role, "superadmin"));
    const [one, two] = [await newUser("superadmin"), await newUser("superadmin")];
    const replies = await Promise.all([setRole(one, two.id, "user"), setRole(two, one.id, "user")]);
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(await db.select().from(users).where(eq(users.role, "superadmin"))).toHaveLength(1);
    await db.update(users).set({ role: "superadmin" }).where(eq(users.id, staff.superadmin.id));
  });
});

describe("an admin who has just been signed out, though this isolate still believes it", () => {
  const attempts = (credential: { token: string }, target: User) => [
    call("POST", "/api/users", { ...credential, body: { username: "accomplice", password: PASSWORD } }),
    call("PUT", `/api/users/${target.id}/role`, { ...credential, body: { role: "moderator" } }),
    call("POST", `/api/users/${target.id}/reset-password`, { ...credential, body: { new_password: "my password" } }),
    call("DELETE", `/api/users/${target.id}`, credential),
  ];
  const outcome = async (credential: { token: string }) => {
    const target = await newUser();
    const before = await rowOf(target.id);
    const replies = await Promise.all(attempts(credential, target));
    expect(await rowOf(target.id)).toEqual(before);
    expect(await db.$count(users, eq(users.username, "accomplice"))).toBe(0);
    return replies.map(({ status }) => status);
  };

  test("makes and removes no account, and leaves no role or password behind", async () => {
    const admin = await newUser("superadmin");
    expect(await isIn(admin)).toBe(true);
    await db.update(sessions).set({ revoked_at: Date.now() }).where(eq(sessions.id, admin.session));
    expect(await outcome(admin)).toEqual([401, 401, 401, 401]);
  });

  test("nor by a key", async () => {
    const admin = await newUser("superadmin");
    const { body } = await call("POST", "/api/api-keys", { token: admin.token, body: { name: "staff" } });
    expect((await call("GET", "/api/me", { token: body.api_key })).status).toBe(200);
    await db.update(api_keys).set({ revoked_at: Date.now() }).where(eq(api_keys.id, body.id));
    expect(await outcome({ token: body.api_key })).toEqual([401, 401, 401, 401]);
  });

  test("nor after another took the role", async () => {
    const admin = await newUser("superadmin");
    expect(await isIn(admin)).toBe(true);
    await db.update(users).set({ role: "user" }).where(eq(users.id, admin.id));
    expect(await outcome(admin)).toEqual([401, 401, 401, 401]);
  });
});

describe("POST /api/users/{id}/reset-password", () => {
  test("takes the new password only, and ends every session and socket", async () => {
    const target = await newUser();
    const socket = await connect({ authorization: `Bearer ${target.token}` });
    await socket.next("connected");
    const { status, text } = await reset(staff.admin, target.id);
    expect(status).toBe(200);
    expect(text).not.toContain("another password");
    expect(await socket.closed).toBe(CHAT_CLOSE.unauthenticated);
    expect(await isIn(target)).toBe(false);
    const hash = (await rowOf(target.id))?.password_hash ?? "";
    expect(await verifyPassword(hash, "another password")).toBe(true);
    const row = (await audited("password_reset")).at(-1);
    expect(row).toMatchObject({ actor_id: String(staff.admin.id), target_id: String(target.id) });
    expect(JSON.stringify(row)).not.toMatch(/another password|argon2/);
  });

  test("by the hierarchy", async () => {
    const refused: [UserRole, UserRole][] = [
      ["user", "user"],
      ["moderator", "user"],
      ["admin", "admin"],
      ["admin", "superadmin"],
    ];
    for (const [by, of] of refused) {
      const target = await newUser(of);
      expect((await reset(staff[by], target.id)).status).toBe(403);
      expect(await isIn(target)).toBe(true);
    }
    expect((await reset(staff.superadmin, (await newUser("superadmin")).id)).status).toBe(200);
    expect((await reset(staff.admin, staff.admin.id)).status).toBe(400);
    expect((await reset(staff.admin, 999_999)).status).toBe(404);
    expect((await reset(staff.admin, staff.user.id, "short")).status).toBe(400);
  });

  test("no login that began with the old password ends after it", async () => {
    const target = await newUser();
    const before = (await rowOf(target.id)) ?? expect.fail();
    await reset(staff.admin, target.id);
    const login = { face: "portal", kind: "token", scopes: [], name: null, ttl_ms: 1000 } as const;
    await expect(openSession(system(), before, { ...login, scopes: [] })).rejects.toMatchObject({
      code: "bad_credentials",
    });
    const open = (await db.select().from(sessions).where(eq(sessions.user_id, target.id))).filter((s) => !s.revoked_at);
    expect(open).toEqual([]);
  });
});

describe("GET /api/chat/users", () => {
  const search = async (q: string, { token } = staff.user) => {
    const { body } = await call("GET", `/api/chat/users?q=${encodeURIComponent(q)}`, { token });
    expect(FoundUsers.parse(body)).toEqual(body);
    return (body.users as { username: string }[]).map(({ username }) => username);
  };

  test("finds by a part of name or nickname, those that begin so first, never oneself", async () => {
    const fox = await newUser("user", "redfox");
    await newUser("user", "foxy");
    const nick = await newUser("user", "zz_other");
    await db.update(users).set({ nickname: "Fox the third" }).where(eq(users.id, nick.id));
    expect(await search("FOX")).toEqual(["foxy", "zz_other", "redfox"]);
    expect(await search("fox", fox)).toEqual(["foxy", "zz_other"]);
  });

  test("however a keyboard spells a letter", async () => {
    const user = await newUser();
    await call("PUT", "/api/me/nickname", { token: user.token, body: { nickname: "Zoe\u0308" } });
    const { body } = await call("GET", `/api/chat/users?q=${encodeURIComponent("zoe\u0308")}`, as("admin"));
    expect(body.users).toEqual([{ id: user.id, username: user.username, nickname: "Zoë" }]);
  });

  test.each(["ünal", "ÜNAL Ö", "al öz", "Ünal Öz"])("%s, small or capital, as a nickname has it", async (q) => {
    const nickname = "Ünal Öz";
    await db.update(users).set({ nickname }).where(eq(users.id, staff.moderator.id));
    const { body } = await call("GET", `/api/chat/users?q=${encodeURIComponent(q)}`, as("superadmin"));
    expect(body.users).toMatchObject([{ nickname }]);
  });

  test("wildcards and quotes are only what they are", async () => {
    await newUser("user", "per_cent");
    expect(await search("per_cent")).toEqual(["per_cent"]);
    for (const q of ["per%cent", "p_r_cent", "%", "' OR 1=1 --", '"', "\\"]) expect(await search(q)).toEqual([]);
    expect((await call("GET", `/api/chat/users?q=${"x".repeat(65)}`, as("user"))).status).toBe(400);
    expect((await call("GET", "/api/chat/users?q=x")).status).toBe(401);
  });

  test("at most twenty", async () => {
    for (let n = 0; n < 21; n++) await newUser("user", `many_${n}`);
    expect(await search("many_")).toHaveLength(20);
  });
});

describe("blocking", () => {
  const block = (id: number, method = "POST", by = staff.user) =>
    call(method, `/api/users/${id}/block`, { token: by.token });
  const blocked = async (by = staff.user) => (await call("GET", "/api/users/blocked", { token: by.token })).body;

  test("is listed for whoever blocked, and for nobody else; twice is once", async () => {
    const pest = await newUser();
    for (let times = 0; times < 2; times++) {
      expect(await block(pest.id)).toMatchObject({ status: 200, body: { success: true } });
    }
    const list = await blocked();
    expect(BlockedUsers.parse(list)).toEqual(list);
    expect(list).toEqual({
      blocked_users: [{ id: pest.id, username: pest.username, blocked_at: expect.any(String) }],
      blocked: [pest.id],
    });
    expect((await blocked(pest)).blocked).toEqual([]);
    expect((await audited("user_block")).filter((row) => row.target_id === String(pest.id))).toHaveLength(1);
    for (let times = 0; times < 2; times++) expect((await block(pest.id, "DELETE")).status).toBe(200);
    expect((await blocked()).blocked).toEqual([]);
    expect(await audited("user_unblock")).toHaveLength(1);
  });

  test("by an account that is gone meanwhile is no error of ours", async () => {
    const user = await newUser();
    expect(await isIn(user)).toBe(true);
    await db.delete(users).where(eq(users.id, user.id));
    expect((await block(staff.admin.id, "POST", user)).status).toBe(404);
  });

  test("oneself 400, nobody 404, guests 401", async () => {
    expect((await block(staff.user.id)).status).toBe(400);
    expect((await block(999_999)).status).toBe(404);
    expect((await block(999_999, "DELETE")).status).toBe(404);
    expect((await call("POST", `/api/users/${staff.user.id}/block`)).status).toBe(401);
  });
});
