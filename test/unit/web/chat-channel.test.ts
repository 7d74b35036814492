/** A channel on its connection: joining, catching up, paging back, and what goes out again afterwards. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { ErrorFrame } from "#contract/chat-frames";
import type { Channel } from "../../../web/chat/channel.ts";
import { Chat } from "../../../web/chat/chat.ts";
import { ADA, FakeServer, history, idOf, message, ROOM, resumed } from "./chat-scene.ts";

let server: FakeServer;
let chat: Chat;
let channel: Channel;
let leave: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  chat = new Chat({ socket: server.socket, wakeUps: server.wakeUps, random: () => 1 });
  channel = chat.channel(ROOM);
  leave = chat.enter(channel);
  comeIn();
});
afterEach(async () => {
  leave();
  await wait(60_000);
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const wait = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const state = () => channel.store.get();
const texts = () => state().view.lines.map((line) => line.message);
const write = (text: string) => channel.act({ kind: "message", message: text, reply: null });
const error = (error_code: ErrorFrame["error_code"], more: Partial<ErrorFrame> = {}): ErrorFrame => ({
  type: "error",
  message: `no: ${error_code}`,
  error_code,
  ...more,
});

function comeIn() {
  server.last.opens();
  server.last.hears({ type: "connected", user: ADA });
}
async function comeBack() {
  server.last.ends();
  await wait(1_000);
  comeIn();
}

describe("joining", () => {
  test("by id; what it shows makes it live", () => {
    expect(server.last.said).toEqual([{ type: "join", channel_id: ROOM }]);
    expect(state().stage).toBe("joining");
    server.last.hears(history(10, [1, 2]));
    expect(state().stage).toBe("live");
    expect(texts()).toEqual(["message 1", "message 2"]);
  });

  test("asked again when nothing comes", async () => {
    await wait(10_000);
    expect(server.last.saidOf("join")).toHaveLength(2);
  });

  test("refused: it says so and asks no more; after a while away it asks again", async () => {
    server.last.hears(error("forbidden"));
    expect(state()).toMatchObject({ stage: "refused", refusal: { message: "no: forbidden" } });
    await wait(20_000);
    expect(server.last.saidOf("join")).toHaveLength(1);
    leave();
    leave = chat.enter(channel);
    expect(server.last.saidOf("join")).toHaveLength(2);
  });

  test("a server that is away for a moment is asked again", async () => {
    server.last.hears(error("unavailable", { retry_after: 3 }));
    expect(state().stage).toBe("joining");
    await wait(3_000);
    expect(server.last.saidOf("join")).toHaveLength(2);
  });
});

describe("catching up", () => {
  beforeEach(() => server.last.hears(history(10, [1])));

  test("after a lost connection it asks for what it missed", async () => {
    server.last.ends();
    expect(state().stage).toBe("behind");
    await wait(1_000);
    comeIn();
    expect(server.last.said).toEqual([{ type: "resume", channel_id: ROOM, rev: 10 }]);
    server.last.hears(message(11, 2), message(12, 3), resumed(12));
    expect(state().stage).toBe("live");
    expect(texts()).toEqual(["message 1", "message 2", "message 3"]);
  });

  test("a gap is asked for once, and what comes again is not doubled", () => {
    server.last.hears(message(12, 3));
    server.last.hears(message(13, 4));
    expect(server.last.saidOf("resume")).toEqual([{ type: "resume", channel_id: ROOM, rev: 10 }]);
    server.last.hears(message(11, 2), message(12, 3), message(13, 4), resumed(13), message(13, 4), message(14, 5));
    expect(state().stage).toBe("live");
    expect(texts()).toEqual(["message 1", "message 2", "message 3", "message 4", "message 5"]);
  });

  test("what is no change may come before the changes it follows; else they are asked for", async () => {
    const typing = { type: "typing", channel_id: ROOM, user_id: 2, username: "bob" } as const;
    server.last.hears({ ...typing, rev: 11 });
    server.last.hears(message(11, 2));
    await wait(1_000);
    expect(server.last.saidOf("resume")).toEqual([]);
    server.last.hears({ ...typing, rev: 12 });
    await wait(1_000);
    expect(server.last.saidOf("resume")).toEqual([{ type: "resume", channel_id: ROOM, rev: 11 }]);
  });

  test("a reader who is not let in any more is told; what they see stays", () => {
    server.last.hears(error("not_found", { message: "You may no longer read this channel" }));
    expect(state()).toMatchObject({ stage: "refused", refusal: { error_code: "not_found" } });
  });

  test("an end of it that is ahead of what came is asked about again", async () => {
    server.last.hears(message(12, 3));
    server.last.hears(message(11, 2), resumed(14));
    expect(state().stage).toBe("behind");
    await wait(2_000);
    expect(server.last.saidOf("resume").at(-1)).toMatchObject({ rev: 11 });
  });

  test("after too long it is shown what a join shows", async () => {
    await comeBack();
    server.last.hears(history(900, [800]));
    expect(state().stage).toBe("live");
    expect(texts()).toEqual(["message 800"]);
  });

  test("a server that forgot that it was joined is told again, and what was refused for it goes out", async () => {
    write("hello");
    const [first] = server.last.saidOf("message");
    server.last.hears(error("not_joined", { nonce: first!.nonce }));
    await wait(2_000);
    server.last.hears(resumed(10));
    expect(server.last.saidOf("message")).toEqual([first, first]);
  });
});

describe("what was sent", () => {
  beforeEach(() => server.last.hears(history(10, [1])));

  test("is confirmed by its nonce, and then shown once", () => {
    write("hello");
    const [sent] = server.last.saidOf("message");
    expect(state().entries).toHaveLength(1);
    server.last.hears(message(11, 2, { message: "hello", nonce: sent!.nonce }));
    expect(state().entries).toEqual([]);
    expect(texts()).toEqual(["message 1", "hello"]);
  });

  test("and whose confirmation was lost is confirmed by what was missed, and not sent again", async () => {
    write("hello");
    const [sent] = server.last.saidOf("message");
    await comeBack();
    expect(server.last.saidOf("message")).toEqual([]);
    server.last.hears(message(11, 2, { message: "hello", nonce: sent!.nonce }), resumed(11));
    expect(server.last.saidOf("message")).toEqual([]);
    expect(state().entries).toEqual([]);
    expect(texts()).toEqual(["message 1", "hello"]);
  });

  test("and never arrived is sent when everything missed is there, in order, under the same nonces", async () => {
    write("one");
    const [first] = server.last.saidOf("message");
    server.last.ends();
    write("two");
    await wait(1_000);
    comeIn();
    expect(server.last.saidOf("message")).toEqual([]);
    server.last.hears(message(11, 2), resumed(11));
    expect(server.last.saidOf("message")).toEqual([first]);
    server.last.hears(message(12, 3, { message: "one", nonce: first!.nonce }));
    const two = server.last.saidOf("message")[1];
    server.last.hears(message(13, 4, { message: "two", nonce: two!.nonce }));
    expect(texts()).toEqual(["message 1", "message 2", "one", "two"]);
    expect(state().entries).toEqual([]);
  });

  test("is confirmed by a repetition of what a snapshot showed already", async () => {
    write("hello");
    const [sent] = server.last.saidOf("message");
    await comeBack();
    server.last.hears(history(11, [1, 2]));
    expect(server.last.saidOf("message")).toEqual([sent]);
    server.last.hears(message(11, 2, { nonce: sent!.nonce }));
    expect(state().entries).toEqual([]);
    expect(texts()).toEqual(["message 1", "message 2"]);
  });

  test("is not confirmed by a change that comes too early", () => {
    write("hello");
    const [sent] = server.last.saidOf("message");
    server.last.hears(message(12, 3, { nonce: sent!.nonce }));
    expect(state().entries).toHaveLength(1);
    server.last.hears(message(11, 2), message(12, 3, { nonce: sent!.nonce }), resumed(12));
    expect(state().entries).toEqual([]);
    expect(texts()).toEqual(["message 1", "message 2", "message 3"]);
  });

  test("in a channel that is left meanwhile is sent when one comes back", () => {
    write("hello");
    const [sent] = server.last.saidOf("message");
    const other = chat.channel(ROOM + 1);
    const leaveOther = chat.enter(other);
    expect(server.last.said.at(-1)).toEqual({ type: "join", channel_id: ROOM + 1 });
    // Of the channel that was left: not heard.
    server.last.hears(message(11, 2, { nonce: sent!.nonce }));
    expect(texts()).toEqual(["message 1"]);
    leaveOther();
    leave = chat.enter(channel);
    server.last.hears(message(11, 2, { nonce: sent!.nonce }), resumed(11));
    expect(texts()).toEqual(["message 1", "message 2"]);
    expect(state().entries).toEqual([]);
  });

  test("and is refused after its channel was left is known to have failed", () => {
    write("hello");
    const [sent] = server.last.saidOf("message");
    leave();
    server.last.hears(error("forbidden", { nonce: sent!.nonce! }));
    expect(state().entries[0]?.state).toBe("failed");
  });
});

describe("reading back", () => {
  beforeEach(() => server.last.hears(history(10, [5, 6], { has_more: true })));

  test("older messages are asked for once at a time", async () => {
    const pages = [channel.loadOlder(), channel.loadOlder()];
    expect(server.last.saidOf("history")).toEqual([{ type: "history", before_id: idOf(5), limit: 50 }]);
    server.last.hears(history(10, [3, 4], { before_id: idOf(5) }));
    await Promise.all(pages);
    expect(texts()).toHaveLength(4);
    await channel.loadOlder();
    expect(server.last.saidOf("history")).toHaveLength(1);
  });

  test("a page that is refused, or lost with the connection, can be asked for again", async () => {
    const refused = channel.loadOlder();
    server.last.hears(error("rate_limited"));
    await refused;
    await channel.loadOlder();
    expect(server.last.saidOf("history")).toHaveLength(1);
    await wait(2_000);
    const lost = channel.loadOlder();
    await comeBack();
    await lost;
    server.last.hears(resumed(10));
    void channel.loadOlder();
    expect(server.last.saidOf("history")).toHaveLength(1);
  });

  test("at the end old messages are let go, while reading back they stay", () => {
    channel.setReadsBack(true);
    for (let seq = 7; seq <= 1_200; seq += 1) server.last.hears(message(seq + 4, seq));
    expect(texts()).toHaveLength(1_196);
    channel.setReadsBack(false);
    expect(texts()).toHaveLength(500);
    expect(state().view.hasMore).toBe(true);
  });
});

describe("small things", () => {
  beforeEach(() => server.last.hears(history(10, [1])));

  test("the read mark is sent at most every 5 s, and the newest when one leaves", async () => {
    channel.markRead();
    server.last.hears(message(11, 2));
    channel.markRead();
    server.last.hears(message(12, 3));
    channel.markRead();
    expect(server.last.saidOf("mark_read")).toEqual([{ type: "mark_read", message_id: idOf(1) }]);
    await wait(5_000);
    expect(server.last.saidOf("mark_read").at(-1)).toMatchObject({ message_id: idOf(3) });
    server.last.hears(message(13, 4));
    channel.markRead();
    leave();
    expect(server.last.saidOf("mark_read").at(-1)).toMatchObject({ message_id: idOf(4) });
  });

  test("typing is told at most every 2.5 s, and forgotten after 4 s", async () => {
    channel.typed();
    channel.typed();
    expect(server.last.saidOf("typing")).toHaveLength(1);
    server.last.hears({ type: "typing", channel_id: ROOM, rev: 10, user_id: 2, username: "bob" });
    await wait(3_900);
    expect(state().view.typists).toHaveLength(1);
    await wait(100);
    expect(state().view.typists).toEqual([]);
    channel.typed();
    expect(server.last.saidOf("typing")).toHaveLength(2);
  });

  test("a way to another page keeps the connection for a moment", async () => {
    leave();
    await wait(2_000);
    leave = chat.enter(channel);
    expect(server.sockets).toHaveLength(1);
    expect(server.last.said.at(-1)).toEqual({ type: "resume", channel_id: ROOM, rev: 10 });
    leave();
    await wait(3_000);
    expect(server.last.isClosed).toBe(true);
  });

  test("a session that is over keeps what was written", () => {
    write("hello");
    server.last.ends(4401);
    expect(chat.store.get().link.state).toBe("over");
    expect(state().entries).toHaveLength(1);
  });
});
