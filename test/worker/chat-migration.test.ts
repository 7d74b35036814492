/** What chat's migration makes of a database that is in use. */
import { applyD1Migrations, type D1Migration, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { eq, sql } from "drizzle-orm";
import { beforeAll, describe, expect, test } from "vitest";
import { chat_channels, chat_rooms } from "../../schema/tables/chat.ts";
import { streams } from "../../schema/tables/streams.ts";
import { db, newStream, newUser } from "./client.ts";

const { DB, TEST_MIGRATIONS } = env as unknown as { DB: D1Database; TEST_MIGRATIONS: D1Migration[] };
const before = TEST_MIGRATIONS.findIndex(({ name }) => name.includes("chat"));

beforeAll(async () => {
  await reset();
  await applyD1Migrations(DB, TEST_MIGRATIONS.slice(0, before));
  await db.run(sql`INSERT INTO users (id, username, password_hash, created_at, avatar) VALUES (1, 'ada', '', 1, '{}')`);
  for (const id of [4, 6]) {
    await db.run(sql`
      INSERT INTO streams (id, user_id, title, live_key_hash, live_key_sealed, public_key, created_at, updated_at, chat_channel_id)
      VALUES (${id}, 1, ${`Stream ${id}`}, ${`hash ${id}`}, '', ${`pub_${id}`}, 1, 1, ${id + 3})`);
    await db.run(sql`
      INSERT INTO chat_channels (id, name, description, category, stream_id, created_by, created_at)
      VALUES (${id + 3}, ${`stream-ada-${id}`}, ${`Chat of the stream Stream ${id}`}, 'streams', ${id}, 1, 5)`);
  }
  await db.run(sql`INSERT INTO chat_channels (id, name, description, created_at) VALUES (12, 'random', 'Ours', 5)`);
  await applyD1Migrations(DB, TEST_MIGRATIONS);
});

const channels = () => db.select().from(chat_channels).orderBy(chat_channels.id);

test("channels keep their numbers and what hangs on them", async () => {
  expect(await channels()).toMatchObject([
    { id: 7, name: "stream-ada-4", mode: "open", description: "", stream_id: 4, created_by: 1, category: "streams" },
    { id: 9, name: "stream-ada-6", mode: "open", version: 1, last_seq: 0, slowmode_seconds: 0, stream_id: 6 },
    { id: 12, name: "random", mode: "open", description: "Ours", is_default: 0, category: "general" },
    { id: 13, name: "general", is_default: 1 },
    { id: 14, name: "help", is_default: 1 },
  ]);
});

test("each has its number from the one sequence", async () => {
  const rooms = await db.select().from(chat_rooms).orderBy(chat_rooms.id);
  expect(rooms.map(({ id }) => id)).toEqual([7, 9, 12, 13, 14]);
  expect(new Set(rooms.map(({ kind }) => kind))).toEqual(new Set(["channel"]));
});

describe("afterwards", () => {
  test("no reference leads nowhere", async () => {
    expect((await DB.prepare("PRAGMA foreign_key_check").all()).results).toEqual([]);
  });

  test("a channel still goes with its stream", async () => {
    await db.delete(streams).where(eq(streams.id, 4));
    expect((await channels()).map(({ id }) => id)).toEqual([9, 12, 13, 14]);
  });

  test("the next stream takes the next number", async () => {
    expect((await newStream((await newUser()).token)).chat_channel_id).toBe(15);
  });
});
