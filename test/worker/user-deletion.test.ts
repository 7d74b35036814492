/** An account that is deleted, and all that hung on it. */
import { env } from "cloudflare:workers";
import { eq, sql } from "drizzle-orm";
import { beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { CHAT_CLOSE } from "../../schema/contract/chat-frames.ts";
import { hashKey, newKey } from "../../schema/kit/keys.ts";
import { chat_channels, chat_members } from "../../schema/tables/chat.ts";
import { app_tokens, backup_codes, magic_links, two_factor, users } from "../../schema/tables/identity.ts";
import { streams } from "../../schema/tables/streams.ts";
import { doomed_objects } from "../../schema/tables/vods.ts";
import { sweepAccounts } from "../../workers/identity/remove-account.ts";
import { authorisePublisher } from "../../workers/media/authorise-publisher.ts";
import { connect, newChannel } from "./chat.ts";
import { audited, call, db, logged, newStream, newUser, PASSWORD, system } from "./client.ts";
import { TestPart } from "./recorded-part.ts";
import { becomes, endBroadcast, onAir, recordingWorker } from "./recording-scene.ts";
import { objectsOf, uploadsOf } from "./s3.ts";

type User = Awaited<ReturnType<typeof newUser>>;
const { DB } = env as unknown as { DB: D1Database };
const WAIT = { timeout: 20_000 };

const LAST_ID = 7_000_000_770_777;

let root: User;
beforeAll(async () => {
  root = await newUser("superadmin");
  // A number that is nothing else's, above what the set-up gives, and no time of this century.
  await db.run(sql`UPDATE sqlite_sequence SET seq = ${LAST_ID} WHERE name = 'users'`);
});

beforeEach(() => {
  logged("warn");
});

const remove = (id: number, by = root) => call("DELETE", `/api/users/${id}`, { token: by.token });
const rowOf = (id: number) => db.select().from(users).where(eq(users.id, id)).get();

/** Every table, as text. */
async function everything(): Promise<Map<string, string>> {
  const { results } = await DB.prepare(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
  ).all<{ name: string }>();
  const dumps = results.map(async ({ name }) => {
    const rows = await DB.prepare(`SELECT * FROM "${name}"`).all();
    return [name, JSON.stringify(rows.results)] as const;
  });
  return new Map(await Promise.all(dumps));
}

const PATIENT = { timeout: 60_000 };

test("leaves nothing that names it but the audit log, and what it wrote in others' rooms", PATIENT, async () => {
  const worker = await recordingWorker();
  const { body: code } = await call("POST", "/api/admin/invite-codes", { token: root.token, body: {} });
  const registered = await call("POST", "/api/register", {
    body: { username: "goes_away", password: PASSWORD, invite_code: code.code },
  });
  const login = await call("POST", "/api/token", { body: { username: "goes_away", password: PASSWORD } });
  const user: User = { ...root, ...registered.body, token: login.body.token, session: login.body.token_id };
  expect(user.id).toBe(LAST_ID + 1);
  const other = await newUser();

  // A recording that is whole, one that is being made, and a stream with a key.
  const before = await onAir(user, worker);
  const whole = new TestPart(worker, before.grant);
  await whole.handIn();
  await endBroadcast(before, worker);
  await becomes(whole.vod, "processing");
  const now = await onAir(user, worker);
  const made = new TestPart(worker, now.grant);
  await made.open();
  await made.upload([1]);
  await made.progress();
  await newStream(user.token);

  // What opens it, and what it opens.
  const token = user.token;
  expect((await call("POST", "/api/api-keys", { token, body: { name: "script" } })).status).toBe(201);
  expect((await call("POST", "/api/ssh-keys", { token, body: { name: "laptop" } })).status).toBe(201);
  const [user_id, created_at] = [user.id, Date.now()];
  await db.insert(two_factor).values({ user_id, secret: "sealed", created_at });
  await db.insert(backup_codes).values({ user_id, code: "hash" });
  await db.insert(magic_links).values({ user_id, token_hash: "hash", created_at, expires_at: created_at });
  await db
    .insert(app_tokens)
    .values({ created_by: user_id, name: "app", token_hash: "hash", scope: "global", created_at });

  // What it made, where it may enter, what it read, whom it blocked and who blocked it.
  const own = await newChannel(user);
  const shared = await newChannel(other);
  await db.insert(chat_members).values({ channel_id: shared, user_id: user.id, role: "moderator", added_at: 1 });
  await call("POST", `/api/users/${other.id}/block`, { token: user.token });
  await call("POST", `/api/users/${user.id}/block`, { token: other.token });
  await call("PUT", "/api/me/nickname", { token: user.token, body: { nickname: "Gone Soon" } });
  const [socket, witness] = [
    await connect({ authorization: `Bearer ${user.token}` }),
    await connect({ authorization: `Bearer ${other.token}` }),
  ];
  for (const { send } of [socket, witness]) send({ type: "join", channel_id: shared });
  await witness.next("users");
  socket.send({ type: "message", channel_id: shared, message: "I was here" });
  const { id: message_id } = await witness.next("message");
  socket.send({ type: "mark_read", message_id });
  await vi.waitFor(async () => expect((await everything()).get("chat_reads")).toContain(String(user.id)), WAIT);
  const named = [...(await everything())].filter(
    ([, rows]) => rows.includes("goes_away") || rows.includes(`${user.id}`),
  );
  const tables = named.map(([name]) => name);
  expect(tables).toEqual(
    expect.arrayContaining([
      ...["users", "sessions", "streams", "vods", "chat_channels", "chat_members", "chat_reads"],
      ...["invite_uses", "user_blocks", "outbox", "audit_log"],
      ...["api_keys", "ssh_keys", "connections", "two_factor", "backup_codes", "magic_links", "app_tokens"],
    ]),
  );

  const reply = await remove(user.id);
  expect([reply.status, reply.body]).toEqual([200, { message: "goes_away is deleted" }]);

  const left = await everything();
  expect(left.size).toBeGreaterThan(20);
  for (const [name, rows] of left) {
    if (name === "audit_log") continue;
    expect([name, rows.includes(String(user.id)), rows.includes("goes_away")]).toEqual([name, false, false]);
  }
  expect((await DB.prepare("PRAGMA foreign_key_check").all()).results).toEqual([]);
  expect((await audited("user_delete")).at(-1)).toMatchObject({
    actor_id: String(root.id),
    target_id: String(user.id),
    target_name: "goes_away",
    details: { role: "user" },
  });

  // Nobody is in any more, nobody publishes, and nothing is left in the bucket.
  expect(await socket.closed).toBe(CHAT_CLOSE.unauthenticated);
  expect((await call("GET", "/api/me", { token: user.token })).status).toBe(401);
  expect(await worker.link.next("stop", (frame) => frame.job_id === now.grant.job_id)).toBeDefined();
  expect(await made.progress()).toMatchObject({ status: 200, body: { keep: false, reason: "deleted" } });
  expect(await new TestPart(worker, now.grant, { n: 1 }).open()).toMatchObject({ body: { reason: "deleted" } });
  await vi.waitFor(async () => expect(await db.select().from(doomed_objects)).toEqual([]), WAIT);
  for (const { vod } of [whole, made]) {
    expect([await objectsOf(vod), await uploadsOf(vod)]).toEqual([{}, []]);
  }

  // Others' rooms are as they were; a channel that it made is nobody's, and its name is free.
  const thread = await call("GET", `/api/chat/thread/${message_id}`, { token: other.token });
  expect(thread.body.messages).toMatchObject([{ message: "I was here", username: "goes_away" }]);
  const [channel] = await db.select().from(chat_channels).where(eq(chat_channels.id, own));
  expect(channel).toMatchObject({ created_by: null });
  const again = { username: "goes_away", password: PASSWORD };
  expect((await call("POST", "/api/users", { token: root.token, body: again })).body.id).toBeGreaterThan(user.id);
});

describe("DELETE /api/users/{id}", () => {
  test("is for superadmins, and not of oneself", async () => {
    const target = await newUser();
    for (const role of ["user", "moderator", "admin"] as const) {
      expect((await remove(target.id, await newUser(role))).status).toBe(403);
    }
    expect((await remove(root.id)).status).toBe(400);
    expect((await remove(999_999_999)).status).toBe(404);
    expect((await call("DELETE", `/api/users/${target.id}`)).status).toBe(401);
    expect(await rowOf(target.id)).toMatchObject({ deleted_at: null });
  });

  test("of two superadmins that delete each other at once, one stays", async () => {
    await db.update(users).set({ role: "admin" }).where(eq(users.id, root.id));
    const [one, two] = [await newUser("superadmin"), await newUser("superadmin")];
    const replies = await Promise.all([remove(one.id, two), remove(two.id, one)]);
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(await db.select().from(users).where(eq(users.role, "superadmin"))).toHaveLength(1);
    await db.update(users).set({ role: "superadmin" }).where(eq(users.id, root.id));
  });

  test("twice at once: it is gone, and nobody sees an error of ours", async () => {
    const target = await newUser();
    await newStream(target.token);
    const statuses = (await Promise.all([remove(target.id), remove(target.id)])).map(({ status }) => status);
    expect(statuses).toContain(200);
    for (const status of statuses) expect([200, 404, 409]).toContain(status);
    expect(await rowOf(target.id)).toBeUndefined();
  });
});

describe("an account with more on it than goes at once", () => {
  test("signs nobody in and is shown to nobody, while the sweep goes on", async () => {
    const target = await newUser("user", "has_much");
    const { id } = await newStream(target.token);
    const row = (await db.select().from(streams).where(eq(streams.id, id)).get()) ?? expect.fail();
    const rows = Array.from({ length: 50 }, (_, n) => ({
      ...row,
      id: row.id + n + 1,
      title: `Stream ${n}`,
      live_key_hash: `hash ${n}`,
      public_key: `pub_${n}`,
      chat_channel_id: null,
    }));
    for (const one of rows) await db.insert(streams).values(one);
    expect((await remove(target.id)).body.message).toBe("has_much is deleted; what hangs on it is still being removed");
    expect(await rowOf(target.id)).toMatchObject({ deleted_at: expect.any(Number) });
    const login = await call("POST", "/api/token", { body: { username: "has_much", password: PASSWORD } });
    expect(login.status).toBe(401);
    const list = await call("GET", "/api/users?q=has_much", { token: root.token });
    expect(list.body.total).toBe(0);
    expect((await call("GET", "/api/chat/users?q=has_much", { token: root.token })).body.users).toEqual([]);
    const key = newKey("live_");
    const open = await db
      .update(streams)
      .set({ live_key_hash: await hashKey(key), is_public: 1 })
      .where(eq(streams.user_id, target.id))
      .returning({ public_key: streams.public_key });
    expect((await call("GET", "/api/chat/channels", { headers: { "x-stream-key": key } })).status).toBe(401);
    for (const watched of [key, open[0]?.public_key])
      expect((await call("GET", `/api/stream/${watched}/info`)).status).toBe(403);
    const publisher = { protocol: "rtmp", app: "live", key, ip: "127.0.0.1" } as const;
    expect(await authorisePublisher(system(), publisher)).toMatchObject({ ok: false, reason: "unknown_key" });
    const body = { role: "admin" };
    expect((await call("PUT", `/api/users/${target.id}/role`, { token: root.token, body })).status).toBe(404);
    expect(await sweepAccounts(system())).toBe(1);
    expect(await rowOf(target.id)).toBeUndefined();
    expect(await sweepAccounts(system())).toBe(0);
  });
});
