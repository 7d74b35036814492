/** `GET /api/stats/public`: how much is going on. */
import { eq } from "drizzle-orm";
import { beforeAll, expect, test, vi } from "vitest";
import { PublicStats } from "../../schema/contract/admin.ts";
import { chat_online } from "../../schema/tables/chat.ts";
import { sessions, users } from "../../schema/tables/identity.ts";
import { streams } from "../../schema/tables/streams.ts";
import { inWords } from "../../workers/admin/stats.ts";
import { eventually } from "../harness/eventually.ts";
import { connect } from "./chat.ts";
import { bindings, call, db, newStream, newUser } from "./client.ts";

let ada: Awaited<ReturnType<typeof newUser>>;
beforeAll(async () => {
  ada = await newUser();
});

async function stats(): Promise<PublicStats> {
  const { status, body } = await call("GET", "/api/stats/public", { token: ada.token });
  expect(status).toBe(200);
  expect(PublicStats.parse(body)).toEqual(body);
  return body;
}

test("counts accounts, sessions and streams as they are", async () => {
  const before = await stats();
  expect(before).toMatchObject({
    live_streams: 0,
    total_services: 0,
    uptime: expect.stringMatching(/^\d+d \d+h \d+m$/),
  });
  const [bob, gone] = [await newUser(), await newUser()];
  await db.update(users).set({ deleted_at: 1 }).where(eq(users.id, gone.id));
  await db.update(sessions).set({ revoked_at: 1 }).where(eq(sessions.id, gone.session));
  const [live, hidden] = [await newStream(bob.token), await newStream(bob.token, { is_public: false })];
  for (const { id } of [live, hidden]) await db.update(streams).set({ is_live: 1 }).where(eq(streams.id, id));
  expect(await stats()).toMatchObject({
    live_streams: 1,
    total_users: before.total_users + 1,
    active_sessions: before.active_sessions + 1,
  });
});

test("who is online has a chat open; it is known some seconds later", async () => {
  const online = (count: number) => eventually(async () => expect((await stats()).online_users).toBe(count));
  await online(0);
  await connect();
  const sockets = [
    await connect({ authorization: `Bearer ${ada.token}` }),
    await connect({ authorization: `Bearer ${ada.token}` }),
  ];
  await online(1);
  for (const socket of sockets) {
    socket.close(1000);
    await socket.closed;
  }
  await online(0);
});

test("a gateway that has not said anything for a quarter of an hour has nobody", async () => {
  const before = (await stats()).online_users;
  const minutes = (ago: number) => Date.now() - ago * 60_000;
  await db.insert(chat_online).values({ gateway: "weur:7", users: 5, written_at: minutes(14) });
  await db.insert(chat_online).values({ gateway: "apac:3", users: 7, written_at: minutes(16) });
  expect((await stats()).online_users).toBe(before + 5);
});

test("is one read of the database", async () => {
  await stats();
  const [prepare, batch] = [vi.spyOn(bindings.DB, "prepare"), vi.spyOn(bindings.DB, "batch")];
  await stats();
  expect([prepare.mock.calls.length, batch.mock.calls.length]).toEqual([1, 0]);
  prepare.mockRestore();
  batch.mockRestore();
});

test.each([
  [0, "0d 0h 0m"],
  [59_999, "0d 0h 0m"],
  [3_600_000, "0d 1h 0m"],
  [3 * 86_400_000 + 4 * 3_600_000 + 5 * 60_000 + 59_000, "3d 4h 5m"],
])("%d ms are %s", (ms, words) => {
  expect(inWords(ms)).toBe(words);
});
