/** `/api/chat/channels`: what is listed to whom, and who may change what. */
import { eq } from "drizzle-orm";
import { beforeAll, describe, expect, test } from "vitest";
import { Channel } from "../../schema/contract/chat.ts";
import { messageId } from "../../schema/kit/message-id.ts";
import { chat_members, chat_reads, chat_rooms } from "../../schema/tables/chat.ts";
import { streams } from "../../schema/tables/streams.ts";
import { markRead } from "../../workers/chat/mark-read.ts";
import { projectLastSeq } from "../../workers/chat/project-last-seq.ts";
import { channelRow, newChannel, type User, written } from "./chat.ts";
import { audited, call, db, newStream, newUser, PASSWORD, system } from "./client.ts";

let user: User;
let other: User;
let moderator: User;
let admin: User;
let root: User;

beforeAll(async () => {
  user = await newUser("user", "ada");
  other = await newUser("user", "bob");
  moderator = await newUser("moderator");
  admin = await newUser("admin");
  root = await newUser("superadmin");
});

const CHANNELS = "/api/chat/channels";
const put = (who: User, id: number, body: unknown) => call("PUT", `${CHANNELS}/${id}`, { token: who.token, body });
const remove = (who: User, id: number) => call("DELETE", `${CHANNELS}/${id}`, { token: who.token });
const clear = (who: User, id: number) => call("POST", `${CHANNELS}/${id}/clear`, { token: who.token });

async function list(who: { token: string }): Promise<Channel[]> {
  const { status, body } = await call("GET", CHANNELS, { token: who.token });
  expect(status).toBe(200);
  return body.channels;
}
const listed = async (who: { token: string }, id: number) => (await list(who)).find((channel) => channel.id === id);
const admit = (channel_id: number, { id: user_id }: User, role: "member" | "moderator") =>
  db.insert(chat_members).values({ channel_id, user_id, role, added_at: Date.now() });

async function defaultChannel(): Promise<number> {
  const [general] = await list(user);
  return general?.id ?? expect.fail();
}

describe("listing", () => {
  test("begins with the default channels", async () => {
    await newChannel(user, { name: "aaa" });
    const channels = await list(user);
    expect(channels.slice(0, 3).map(({ name, is_default }) => [name, is_default])).toEqual([
      ["general", 1],
      ["help", 1],
      ["random", 1],
    ]);
    const names = channels.slice(3).map(({ name }) => name);
    expect(names).toEqual(names.toSorted());
    for (const channel of channels) expect(Channel.parse(channel)).toEqual(channel);
  });

  test("shows private ones to those who were let in, and to admins", async () => {
    const id = await newChannel(moderator, { visibility: "private" });
    expect(await listed(user, id)).toBeUndefined();
    await admit(id, other, "member");
    for (const who of [other, moderator, admin, root]) expect(await listed(who, id)).toMatchObject({ id });
    expect(await listed(user, id)).toBeUndefined();
  });

  test("shows a stream's channel to those who may watch it", async () => {
    const stream = await newStream(user.token, { title: "Evening show", is_public: 0 });
    const id = stream.chat_channel_id;
    expect(await listed(other, id)).toBeUndefined();
    for (const who of [user, admin]) {
      expect(await listed(who, id)).toMatchObject({
        name: `stream-ada-${stream.id}`,
        description: "Chat of the stream Evening show",
        category: "streams",
        visibility: "private",
        is_stream_channel: true,
        stream_id: stream.id,
        stream_is_live: 0,
        stream_public_key: stream.public_key,
        stream_owner: "ada",
        created_by_username: "ada",
      });
    }
    await db.update(streams).set({ is_public: 1, is_live: 1 }).where(eq(streams.id, stream.id));
    expect(await listed(other, id)).toMatchObject({ visibility: "public", stream_is_live: 1 });
  });

  test("by a stream key there is its own channel only", async () => {
    const stream = await newStream(user.token);
    const { body } = await call("GET", CHANNELS, { headers: { "x-stream-key": stream.stream_key } });
    expect(body.channels.map(({ id }: Channel) => id)).toEqual([stream.chat_channel_id]);
  });

  test("a token that is narrowed does not show what is private to others", async () => {
    const id = await newChannel(moderator, { visibility: "private" });
    const { body } = await call("POST", "/api/token", {
      body: { username: admin.username, password: PASSWORD, scopes: ["services:read"] },
    });
    expect(await listed(body, id)).toBeUndefined();
  });

  test("needs an account", async () => {
    expect((await call("GET", CHANNELS)).status).toBe(401);
  });
});

describe("unread", () => {
  const unread = async (who: User, id: number) => (await listed(who, id))?.unread_count;

  test("counts from what one has read; what was never opened has none", async () => {
    const id = await written(other, 7);
    expect(await unread(user, id)).toBe(0);
    await markRead(system(), user.id, messageId(id, 3));
    expect(await unread(user, id)).toBe(4);
    expect(await unread(other, id)).toBe(0);
  });

  test("goes neither backwards nor below zero", async () => {
    const id = await written(other, 5);
    await projectLastSeq(system(), id, 2);
    await markRead(system(), user.id, messageId(id, 4));
    await markRead(system(), user.id, messageId(id, 1));
    expect(await unread(user, id)).toBe(1);
    await markRead(system(), user.id, messageId(id, 8));
    expect(await unread(user, id)).toBe(0);
  });

  test("is not kept of a channel that is gone", async () => {
    const before = (await db.select().from(chat_reads)).length;
    await markRead(system(), user.id, messageId(987_654, 1));
    await projectLastSeq(system(), 987_654, 1);
    expect(await db.select().from(chat_reads)).toHaveLength(before);
  });
});

describe("creating", () => {
  test("gives the channel, its room's number and an audit row", async () => {
    const reply = await call("POST", CHANNELS, {
      token: user.token,
      body: { name: "music", description: " What we listen to ", category: "art" },
    });
    expect(reply.status).toBe(201);
    expect(reply.body).toEqual({
      id: expect.any(Number),
      name: "music",
      description: "What we listen to",
      category: "art",
      visibility: "public",
      mode: "open",
    });
    const { id } = reply.body;
    expect(await channelRow(id)).toMatchObject({ version: 1, created_by: user.id, last_seq: 0 });
    expect(await db.select().from(chat_rooms).where(eq(chat_rooms.id, id))).toMatchObject([{ kind: "channel" }]);
    expect((await audited("channel_create")).at(-1)).toMatchObject({
      target_id: String(id),
      target_name: "music",
      actor_id: String(user.id),
    });
  });

  test("numbers are shared with streams' channels, and never used again", async () => {
    const first = await newChannel(user);
    const stream = await newStream(user.token);
    const third = await newChannel(user);
    expect([stream.chat_channel_id, third]).toEqual([first + 1, first + 2]);
    await remove(admin, third);
    expect(await newChannel(user)).toBe(third + 1);
  });

  test.each([{ visibility: "private" }, { mode: "readonly" }])("%j takes a moderator", async (fields) => {
    const body = { name: `restricted-${Object.keys(fields)}`, ...fields };
    expect((await call("POST", CHANNELS, { token: user.token, body })).status).toBe(403);
    expect((await call("POST", CHANNELS, { token: moderator.token, body })).status).toBe(201);
  });

  test("who creates a private one moderates it", async () => {
    const of = async (id: number) => db.select().from(chat_members).where(eq(chat_members.channel_id, id));
    const id = await newChannel(moderator, { visibility: "private" });
    expect(await of(id)).toMatchObject([{ user_id: moderator.id, role: "moderator" }]);
    expect(await of(await newChannel(moderator))).toEqual([]);
  });

  test("a name twice is a conflict, and leaves nothing", async () => {
    const rooms = (await db.select().from(chat_rooms)).length;
    const audits = (await audited("channel_create")).length;
    const reply = await call("POST", CHANNELS, { token: user.token, body: { name: "general" } });
    expect(reply).toMatchObject({ status: 409, body: { error: expect.stringContaining("name") } });
    expect(await db.select().from(chat_rooms)).toHaveLength(rooms);
    expect(await audited("channel_create")).toHaveLength(audits);
  });

  test.each([
    [{}, "name"],
    [{ name: "Music" }, "name"],
    [{ name: "a b" }, "name"],
    [{ name: "x".repeat(33) }, "name"],
    [{ name: "stream-ada-1" }, "name"],
    [{ name: "ok", category: "" }, "category"],
    [{ name: "ok", category: "x".repeat(33) }, "category"],
    [{ name: "ok", description: "a\u0007" }, "description"],
    [{ name: "ok", visibility: "hidden" }, "visibility"],
    [{ name: "ok", mode: "closed" }, "mode"],
  ])("refuses %j and names the field", async (body, field) => {
    const headers = { accept: "application/problem+json" };
    const reply = await call("POST", CHANNELS, { token: moderator.token, body, headers });
    expect(reply).toMatchObject({ status: 400, body: { errors: [{ field }] } });
  });

  test("a stream key cannot", async () => {
    const { stream_key } = await newStream(moderator.token);
    const reply = await call("POST", CHANNELS, { headers: { "x-stream-key": stream_key }, body: { name: "by-key" } });
    expect(reply.status).toBe(403);
  });
});

describe("changing", () => {
  test("changes what is named, under a new version, with an audit row", async () => {
    const id = await newChannel(moderator);
    const { name } = (await channelRow(id)) ?? {};
    expect(await put(moderator, id, { topic: "Tonight", slowmode_seconds: 30 })).toMatchObject({
      status: 200,
      body: { success: true },
    });
    expect(await channelRow(id)).toMatchObject({ name, topic: "Tonight", slowmode_seconds: 30, version: 2 });
    expect((await audited("channel_update")).at(-1)).toMatchObject({
      target_id: String(id),
      details: { topic: "Tonight", slowmode_seconds: 30 },
    });
  });

  test("is for moderators, also the channel's own", async () => {
    const id = await newChannel(user);
    for (const who of [user, other]) expect((await put(who, id, { topic: "x" })).status).toBe(403);
    await admit(id, other, "moderator");
    for (const who of [other, moderator, admin]) expect((await put(who, id, { topic: "x" })).status).toBe(200);
    expect((await put(other, id, { name: "renamed-by-its-own" })).status).toBe(200);
  });

  test.each([{ visibility: "private" }, { mode: "readonly" }])("to %j takes a moderator of all", async (change) => {
    const id = await newChannel(user);
    await admit(id, other, "moderator");
    expect((await put(other, id, change)).status).toBe(403);
    expect((await put(moderator, id, change)).status).toBe(200);
    // Said again it changes nothing.
    await admit(id, user, "moderator");
    expect((await put(user, id, { ...change, topic: "x" })).status).toBe(200);
  });

  test("a default channel keeps its name and visibility", async () => {
    const id = await defaultChannel();
    expect((await put(admin, id, { name: "lobby" })).status).toBe(400);
    expect((await put(admin, id, { visibility: "private" })).status).toBe(400);
    expect((await put(admin, id, { name: "general", topic: "Be kind" })).status).toBe(200);
  });

  test("so does a stream's, whose owner may change the rest", async () => {
    const { chat_channel_id: id } = await newStream(user.token);
    expect((await put(other, id, { slowmode_seconds: 5 })).status).toBe(403);
    expect((await put(user, id, { slowmode_seconds: 5 })).status).toBe(200);
    expect((await put(user, id, { name: "mine" })).status).toBe(400);
    expect((await put(admin, id, { visibility: "private" })).status).toBe(400);
  });

  test("to a name that is taken or reserved is refused", async () => {
    const id = await newChannel(moderator);
    expect((await put(moderator, id, { name: "random" })).status).toBe(409);
    expect((await put(moderator, id, { name: "stream-ada-7" })).status).toBe(400);
    expect(await channelRow(id)).toMatchObject({ version: 1 });
  });

  test.each([-1, 21_601, 1.5])("says which seconds of slow mode there are, not %j", async (slowmode_seconds) => {
    const id = await newChannel(moderator);
    const reply = await put(moderator, id, { slowmode_seconds });
    expect(reply.body).toMatchObject({ status: 400, error: "slowmode_seconds must be a whole number from 0 to 21600" });
  });

  test.each([{}, { slowmode_seconds: 21_601 }, { topic: "x".repeat(201) }])("refuses %j", async (body) => {
    expect((await put(moderator, await newChannel(moderator), body)).status).toBe(400);
  });

  test("what does not exist is 404, what is no number 400", async () => {
    expect((await put(moderator, 1e9, { topic: "x" })).status).toBe(404);
    for (const id of ["abc", "0", "9999999999999999"]) {
      const reply = await call("PUT", `${CHANNELS}/${id}`, { token: moderator.token, body: { topic: "x" } });
      expect(reply.status).toBe(400);
    }
  });
});

describe("deleting", () => {
  test("removes the channel and what hangs on it, with an audit row", async () => {
    const id = await newChannel(moderator, { visibility: "private" });
    await markRead(system(), user.id, messageId(id, 1));
    expect(await remove(admin, id)).toMatchObject({ status: 200, body: { success: true } });
    expect(await channelRow(id)).toBeUndefined();
    expect(await db.select().from(chat_members).where(eq(chat_members.channel_id, id))).toEqual([]);
    expect(await db.select().from(chat_reads).where(eq(chat_reads.channel_id, id))).toEqual([]);
    expect((await audited("channel_delete")).at(-1)).toMatchObject({ target_id: String(id) });
    expect((await remove(admin, id)).status).toBe(404);
  });

  test("is for admins, whose token says so", async () => {
    const id = await newChannel(user);
    for (const who of [user, moderator]) expect((await remove(who, id)).status).toBe(403);
    const { body } = await call("POST", "/api/token", {
      body: { username: admin.username, password: PASSWORD, scopes: ["services:read"] },
    });
    expect((await call("DELETE", `${CHANNELS}/${id}`, { token: body.token })).status).toBe(403);
    expect((await remove(root, id)).status).toBe(200);
  });

  test("spares default channels and those of streams", async () => {
    const { chat_channel_id } = await newStream(user.token);
    for (const id of [await defaultChannel(), chat_channel_id]) {
      expect((await remove(admin, id)).status).toBe(400);
      expect(await channelRow(id)).toBeDefined();
    }
  });
});

describe("clearing", () => {
  test("is for superadmins, with an audit row", async () => {
    const id = await newChannel(user);
    for (const who of [user, moderator, admin]) expect((await clear(who, id)).status).toBe(403);
    expect(await clear(root, id)).toMatchObject({ status: 200, body: { success: true, deleted_count: 0 } });
    expect((await audited("channel_clear")).map(({ target_id }) => target_id)).toEqual([String(id)]);
    expect((await clear(root, 1e9)).status).toBe(404);
  });
});

describe("a thread", () => {
  const thread = (who: User, id: number) => call("GET", `/api/chat/thread/${id}`, { token: who.token });

  test("of a channel that is closed to one is 403, of what does not exist 404", async () => {
    const id = await newChannel(moderator, { visibility: "private" });
    expect((await thread(user, messageId(id, 1))).status).toBe(403);
    expect((await thread(moderator, messageId(id, 1))).status).toBe(404);
    expect((await thread(user, messageId(1e6, 1))).status).toBe(404);
    expect((await thread(user, 5)).status).toBe(404);
    const { chat_channel_id } = await newStream(user.token, { is_public: 0 });
    expect((await thread(other, messageId(chat_channel_id, 1))).status).toBe(403);
  });
});
