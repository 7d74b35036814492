/** A stream and its chat: from its creation to its end, as sockets see it. */
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { eq } from "drizzle-orm";
import { beforeAll, describe, expect, test } from "vitest";
import { CHAT_CLOSE } from "../../schema/contract/chat-frames.ts";
import type { Deed } from "../../schema/contract/chat-rpc.ts";
import { roomOf } from "../../schema/kit/message-id.ts";
import { chat_channels, chat_rooms } from "../../schema/tables/chat.ts";
import { streams } from "../../schema/tables/streams.ts";
import { recordDeeds } from "../../workers/chat/record-deeds.ts";
import { channelRow, connect, newChannel, type TestSocket, type User } from "./chat.ts";
import { bindings, call, db, newStream, newUser, system } from "./client.ts";

let owner: User;
let viewer: User;
let root: User;

beforeAll(async () => {
  owner = await newUser("user", "ada");
  viewer = await newUser("user", "bob");
  root = await newUser("superadmin");
});

const OPEN = { is_public: 1, allow_unauthenticated: 1 };

async function enter(channel_id: number, user?: User): Promise<TestSocket> {
  const socket = await connect(user ? { authorization: `Bearer ${user.token}` } : {});
  socket.send({ type: "join", channel_id });
  await socket.next("channel_info");
  await socket.next("history");
  return socket;
}

const put = (path: string, user: User, body: unknown) => call("PUT", path, { token: user.token, body });

/** What one says, as it comes back. */
async function say(socket: TestSocket, message: string, reply_to?: number) {
  socket.send({ type: "message", message, ...(reply_to !== undefined && { reply_to }) });
  return socket.next("message");
}

test("a new stream has a channel, whose number is its room's", async () => {
  const stream = await newStream(owner.token, OPEN);
  const channel = await channelRow(stream.chat_channel_id);
  expect(channel).toMatchObject({ name: `stream-ada-${stream.id}`, stream_id: stream.id, version: 1, description: "" });
  const room = await db.select().from(chat_rooms).where(eq(chat_rooms.id, stream.chat_channel_id)).get();
  expect(room).toMatchObject({ kind: "channel" });
  const socket = await enter(stream.chat_channel_id, viewer);
  expect(roomOf((await say(socket, "Hello")).id)).toBe(stream.chat_channel_id);
});

test("a stream that has none gets one with its next change", async () => {
  const stream = await newStream(owner.token, OPEN);
  await db.delete(chat_channels).where(eq(chat_channels.stream_id, stream.id));
  await db.update(streams).set({ chat_channel_id: null }).where(eq(streams.id, stream.id));
  const { body } = await put(`/api/streams/${stream.id}`, owner, { description: "Back again" });
  const { chat_channel_id } = body.stream;
  expect(chat_channel_id).toBeGreaterThan(stream.chat_channel_id);
  expect(await db.select().from(chat_rooms).where(eq(chat_rooms.id, chat_channel_id))).toHaveLength(1);
  await enter(chat_channel_id, viewer);
});

test("twenty streams at once have twenty rooms", async () => {
  const made = await Promise.all(Array.from({ length: 20 }, () => newStream(owner.token)));
  expect(new Set(made.map(({ chat_channel_id }) => chat_channel_id)).size).toBe(20);
  for (const { id, chat_channel_id } of made)
    expect(await channelRow(chat_channel_id)).toMatchObject({ stream_id: id });
});

describe("a change of the stream", () => {
  test("of its title takes a new version and reaches who is there", async () => {
    const stream = await newStream(owner.token, OPEN);
    const socket = await enter(stream.chat_channel_id, viewer);
    await put(`/api/streams/${stream.id}`, owner, { title: "Late show" });
    await socket.next("channel_updated");
    expect(await socket.next("channel_info")).toMatchObject({
      stream_name: "Late show",
      description: "Chat of the stream Late show",
    });
    expect(await channelRow(stream.chat_channel_id)).toMatchObject({ version: 2 });
  });

  test("that chat has nothing to do with takes none", async () => {
    const stream = await newStream(owner.token, OPEN);
    await put(`/api/streams/${stream.id}`, owner, { description: "More", record: false });
    expect(await channelRow(stream.chat_channel_id)).toMatchObject({ version: 1 });
  });

  test("to private puts out all but those who may still watch", async () => {
    const stream = await newStream(owner.token, OPEN);
    const id = stream.chat_channel_id;
    const [guest, other, own] = [await enter(id), await enter(id, viewer), await enter(id, owner)];
    await put(`/api/streams/${stream.id}`, owner, { is_public: false });
    for (const socket of [guest, other]) expect(await socket.next("error")).toBeDefined();
    other.send({ type: "message", message: "Still here?" });
    expect(await other.next("error")).toMatchObject({ error_code: "not_joined" });
    expect(await say(own, "Only us")).toMatchObject({ message: "Only us" });
    expect([guest, other].flatMap(({ texts }) => texts).join()).not.toContain("Only us");
  });

  test("to signed-in users only puts out guests", async () => {
    const stream = await newStream(owner.token, OPEN);
    const [guest, other] = [await enter(stream.chat_channel_id), await enter(stream.chat_channel_id, viewer)];
    await put(`/api/streams/${stream.id}`, owner, { allow_unauthenticated: false });
    expect(await guest.next("error")).toMatchObject({ error_code: "unauthenticated" });
    expect(await say(other, "Hello")).toMatchObject({ message: "Hello" });
  });
});

test("a socket that was opened by the stream's key ends with the key", async () => {
  const stream = await newStream(owner.token, OPEN);
  const socket = await connect({ "x-stream-key": stream.stream_key });
  socket.send({ type: "join", channel_id: stream.chat_channel_id });
  await socket.next("history");
  await call("POST", `/api/streams/${stream.id}/regenerate-key`, { token: owner.token, body: {} });
  expect(await socket.closed).toBe(CHAT_CLOSE.unauthenticated);
});

test("deleting the stream deletes its channel, and tells who is there", async () => {
  const stream = await newStream(owner.token, OPEN);
  const socket = await enter(stream.chat_channel_id, viewer);
  await say(socket, "Hello");
  expect((await call("DELETE", `/api/streams/${stream.id}`, { token: owner.token })).status).toBe(200);
  expect(await socket.next("channel_deleted")).toMatchObject({ channel: `stream-ada-${stream.id}` });
  expect(await channelRow(stream.chat_channel_id)).toBeUndefined();
  socket.send({ type: "join", channel_id: stream.chat_channel_id });
  expect(await socket.next("error")).toMatchObject({ error_code: "not_found" });
});

describe("a channel", () => {
  test("that is changed, cleared, deleted says so to who is there", async () => {
    const id = await newChannel(root);
    const socket = await enter(id, viewer);
    for (const text of ["one", "two"]) await say(socket, text);
    const path = `/api/chat/channels/${id}`;
    await put(path, root, { name: "renamed", topic: "New" });
    expect(await socket.next("channel_renamed")).toMatchObject({ new_name: "renamed" });
    const cleared = await call("POST", `${path}/clear`, { token: root.token });
    expect(cleared.body).toEqual({ success: true, deleted_count: 2 });
    expect(await socket.next("channel_cleared")).toMatchObject({
      channel: "renamed",
      cleared_by: root.username,
      message_count: 2,
    });
    await call("DELETE", path, { token: root.token });
    expect(await socket.next("channel_deleted")).toMatchObject({ channel: "renamed" });
  });

  test("counts what one has missed, once its room has said so", async () => {
    const id = await newChannel(root);
    const unread = async () => {
      const { body } = await call("GET", "/api/chat/channels", { token: viewer.token });
      return body.channels.find((channel: { id: number }) => channel.id === id).unread_count;
    };
    const [reader, writer] = [await enter(id, viewer), await enter(id, await newUser())];
    const first = await say(writer, "one");
    await reader.next("message");
    reader.send({ type: "mark_read", message_id: first.id });
    for (const text of ["two", "three"]) await say(writer, text);
    const room = bindings.CHAT_ROOM.getByName(String(id)) as unknown as DurableObjectStub;
    // A room that has just woken does at once what it would do within ten seconds.
    await evictDurableObject(room);
    await runDurableObjectAlarm(room);
    await expect.poll(unread).toBe(2);
    writer.send({ type: "delete", message_id: first.id + 1 });
    await writer.next("message_deleted");
    await expect.poll(unread).toBe(1);
    await call("POST", `/api/chat/channels/${id}/clear`, { token: root.token });
    await expect.poll(unread).toBe(0);
  });

  test("has what its moderators did in the audit log, once, for moderators to read", async () => {
    const id = await newChannel(root, { name: "watched" });
    const moderator = await newUser("moderator");
    const [guest, watcher] = [await enter(id, await newUser()), await enter(id, moderator)];
    const [rude, wise] = [await say(guest, "rude words"), await say(guest, "wise words")];
    watcher.send({ type: "pin_message", message_id: wise.id });
    await watcher.next("message_pinned");
    watcher.send({ type: "delete", message_id: rude.id });
    await watcher.next("message_deleted");
    const log = async (query: string) =>
      (await call("GET", `/api/admin/audit-log?${query}`, { token: moderator.token })).body;
    await expect.poll(async () => (await log(`channel_id=${id}&action=message_delete`)).total).toBe(1);
    const { entries, total } = await log(`channel_id=${id}`);
    expect(total).toBe(3);
    expect(entries).toMatchObject([
      {
        action: "message_delete",
        actor_id: moderator.id,
        actor_username: moderator.username,
        target_type: "message",
        target_id: rude.id,
        target_name: rude.username,
        channel_id: id,
        channel_name: "watched",
      },
      { action: "pin_message", target_id: wise.id, channel_id: id },
      { action: "channel_create", target_type: "channel", channel_id: id },
    ]);
    expect(JSON.stringify(entries)).not.toContain("words");
    const again: Deed = {
      id: 2,
      action: "message_delete",
      message_id: rude.id,
      author_id: null,
      author: rude.username,
      channel: "watched",
      by: { id: moderator.id, name: moderator.username },
      at: Date.parse(entries[0].created_at),
    };
    await recordDeeds(system(), id, [again, { ...again, id: 3 }]);
    expect((await log(`channel_id=${id}&action=message_delete`)).total).toBe(2);
  });

  test("has threads", async () => {
    const id = await newChannel(root);
    const [asks, answers] = [await enter(id, await newUser()), await enter(id, await newUser())];
    const question = await say(asks, "Which key?");
    await say(asks, "Anybody?");
    for (let n = 0; n < 2; n++) await answers.next("message");
    const answer = await say(answers, "The one under My streams", question.id);
    const { status, body } = await call("GET", `/api/chat/thread/${answer.id}`, { token: viewer.token });
    expect(status).toBe(200);
    expect(body.messages.map(({ message }: { message: string }) => message)).toEqual([
      "Which key?",
      "The one under My streams",
    ]);
    expect(body.thread).toEqual(body.messages);
  });
});
