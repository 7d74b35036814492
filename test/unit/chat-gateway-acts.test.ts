/** What people write at a gateway: done once, in order and within limits; or refused, to them alone, with a code. */
import { beforeEach, describe, expect, test } from "vitest";
import { FRAME_MAX_BYTES } from "#contract/chat";
import { CHAT_CLOSE, type ErrorFrame } from "#contract/chat-frames";
import type { ChatIdentity } from "#contract/chat-rpc";
import { messageId } from "#kit/message-id";
import { actionsOf, channelOf, doer, guestOf, streamOf, userOf } from "../harness/chat-cast.ts";
import { type ChatPerson, type Sendable, settled } from "../harness/chat-person.ts";
import { ChatWorld, type GatewayHost } from "../harness/chat-world.ts";

const ROOM = 7;
const { id, send } = actionsOf(ROOM);

let world: ChatWorld;
let gateway: GatewayHost;

beforeEach(() => {
  world = new ChatWorld();
  world.channels.set(ROOM, channelOf(ROOM, { stream: streamOf() }));
  gateway = world.gateway();
});

const inRoom = async (user_id: number, { batch = false, at = gateway } = {}): Promise<ChatPerson> => {
  const person = await at.connect(userOf(user_id), { batch });
  await person.join(ROOM);
  person.take();
  return person;
};
const message = (text: string, nonce?: string): Sendable => ({
  type: "message",
  message: text,
  ...(nonce && { nonce }),
});
const said = (person: ChatPerson) => person.of("message").map((frame) => frame.message);
const errors = (person: ChatPerson): ErrorFrame[] =>
  person.take().filter((frame): frame is ErrorFrame => frame.type === "error");
const rev = () => world.room(ROOM).room.rev;

describe("a message", () => {
  test("without a nonce is done once, too, though the first answers were lost", async () => {
    const ann = await inRoom(1);
    world.loseAnswer("act", 2);
    await ann.say(message("hi"));
    await world.pass(300);
    expect(said(ann)).toEqual(["hi"]);
    expect(world.called("act")).toHaveLength(3);
    expect(errors(ann)).toEqual([]);
  });

  test("that the room did not take in three tries is given back with its nonce, and can be sent again", async () => {
    const ann = await inRoom(1);
    world.away.add(String(ROOM));
    await ann.say(message("hi", "n1"));
    await world.pass(299);
    expect(errors(ann)).toEqual([]);
    await world.pass(1);
    expect(errors(ann)).toMatchObject([{ error_code: "unavailable", nonce: "n1" }]);
    world.away.clear();
    await ann.say(message("hi", "n1"));
    expect(said(ann)).toEqual(["hi"]);
  });

  test("that was done, though its sender was told otherwise, is one message after they send it again", async () => {
    const ann = await inRoom(1);
    world.loseAnswer("act", 3);
    await ann.say(message("hi", "n1"));
    await world.pass(300);
    await ann.say(message("hi", "n1"));
    expect(said(ann)).toEqual(["hi"]);
    expect(rev()).toBe(1);
  });

  test("is done in the order in which it was sent, however long one of them takes", async () => {
    const ann = await inRoom(1);
    world.lose("act");
    await ann.say(message("one"));
    await ann.say(message("two"));
    await ann.say({ type: "delete", message_id: id(2) });
    await world.pass(50);
    expect(ann.take().map(({ type }) => type)).toEqual(["message", "message", "message_deleted"]);
  });

  test("of one who left meanwhile is no concern of theirs any more", async () => {
    const ann = await inRoom(1);
    world.lose("act");
    await ann.say(message("one"));
    await ann.say(message("two"));
    await ann.leave();
    await world.pass(1_000);
    expect(rev()).toBe(1);
  });
});

describe("a resend under the same nonce", () => {
  test("after a join is answered with the frame of its first time, which the history does not name", async () => {
    const ann = await inRoom(1);
    await ann.say(message("hi", "n1"));
    await ann.leave();
    const again = await inRoom(1);
    await again.say(message("hi", "n1"));
    expect(again.take()).toMatchObject([{ type: "message", rev: 1, id: id(1), message: "hi", nonce: "n1" }]);
    expect(rev()).toBe(1);
  });

  test("after a resume from before is answered by what was missed", async () => {
    const ann = await inRoom(1);
    await ann.say(message("hi", "n1"));
    await ann.leave();
    const again = await gateway.connect(userOf(1));
    await again.say({ type: "resume", channel_id: ROOM, rev: 0 });
    await again.say(message("hi", "n1"));
    expect(again.of("message")).toMatchObject([{ rev: 1, nonce: "n1" }]);
  });

  test("after a resume from later is answered, too: it was in a history that names no nonces", async () => {
    const ann = await inRoom(1);
    await ann.say(message("hi", "n1"));
    await ann.leave();
    const again = await gateway.connect(userOf(1));
    await again.say({ type: "resume", channel_id: ROOM, rev: 1 });
    await again.say(message("hi", "n1"));
    expect(again.of("message")).toMatchObject([{ rev: 1, nonce: "n1" }]);
    expect(rev()).toBe(1);
  });

  test("is answered after a sleep of the gateway, too", async () => {
    const ann = await inRoom(1);
    await ann.say(message("hi", "n1"));
    await ann.leave();
    const again = await inRoom(1);
    await world.pass(10_000);
    await gateway.sleep();
    await again.say(message("hi", "n1"));
    expect(again.of("message")).toMatchObject([{ rev: 1, nonce: "n1" }]);
  });

  test("by somebody else is a message of their own", async () => {
    const [ann, ben] = [await inRoom(1), await inRoom(2)];
    await ann.say(message("hers", "n1"));
    await ben.say(message("his", "n1"));
    expect(said(ann)).toEqual(["hers", "his"]);
  });

  test("of what was deleted since says so", async () => {
    const ann = await inRoom(1);
    await ann.say(message("hi", "n1"));
    await ann.say({ type: "delete", message_id: id(1) });
    await ann.say(message("hi", "n1"));
    expect(errors(ann)).toMatchObject([{ error_code: "deleted", nonce: "n1" }]);
  });
});

describe("limits", () => {
  test("five messages in 5 s over all sockets of a person, who is told how long to wait; others are not held up", async () => {
    const [one, two, ben] = [await inRoom(1), await inRoom(1, { batch: true }), await inRoom(2)];
    for (let n = 0; n < 3; n++) await one.say(message(`${n}`));
    for (let n = 3; n < 6; n++) await two.say(message(`${n}`, `n${n}`));
    await world.pass(100);
    expect(errors(one)).toEqual([]);
    expect(errors(two)).toMatchObject([{ error_code: "rate_limited", nonce: "n5", retry_after: 5 }]);
    expect(said(one)).toEqual(["0", "1", "2", "3", "4"]);
    await ben.say(message("unaffected"));
    expect(errors(ben)).toEqual([]);
    await world.pass(4_900);
    await two.say(message("5", "n5"));
    expect(said(one).at(-1)).toBe("5");
  });

  test("do not count a resend of what was counted, nor edits and reactions", async () => {
    const ann = await inRoom(1);
    for (let n = 0; n < 5; n++) await ann.say(message(`${n}`, `n${n}`));
    for (let n = 0; n < 5; n++) await ann.say(message(`${n}`, `n${n}`));
    await ann.say({ type: "react", message_id: id(1), emoji: "👍" });
    await ann.say({ type: "edit_message", message_id: id(1), message: "new" });
    expect(errors(ann)).toEqual([]);
    expect(rev()).toBe(7);
  });

  test("slow mode tells how long it is", async () => {
    world.channels.set(ROOM, channelOf(ROOM, { slowmode_seconds: 30 }));
    const ann = await inRoom(1);
    await ann.say(message("one"));
    await ann.say(message("two", "n2"));
    expect(errors(ann)).toMatchObject([
      { error_code: "slowmode", nonce: "n2", retry_after: 30, cooldown_remaining: 30 },
    ]);
  });

  test("frames: one error a second, and the end after a thousand that were refused", async () => {
    const [ann, ben] = [await inRoom(1), await inRoom(2)];
    for (let n = 0; n < 200; n++) gateway.gateway.receive(ann.id, '{"type":"ping"}');
    await settled();
    expect(errors(ann)).toMatchObject([{ error_code: "rate_limited", retry_after: 1 }]);
    for (let n = 0; n < 1_000 && !ann.closed; n++) gateway.gateway.receive(ann.id, '{"type":"ping"}');
    expect(ann.closed).toMatchObject({ code: CHAT_CLOSE.flooding });
    await settled();
    expect(ben.of("user_left")).toMatchObject([{ user_id: 1 }]);
    await ben.say(message("quiet"));
    expect(said(ben)).toEqual(["quiet"]);
  });

  test("what is shown to who asks and asks: no end of it would wait in our memory for one who does not read", async () => {
    const ann = await inRoom(1);
    for (let n = 0; n < 100; n++) world.room(ROOM).room.act(send(doer(3), "x".repeat(4_000)));
    await settled();
    const page = { type: "history", before_id: id(1_000), limit: 100 } as const;
    const ask = async () => {
      await ann.say(page);
      return ann.take().at(-1);
    };
    let shown = 0;
    for (let n = 0; n < 30; n++) if ((await ask())?.type === "history") shown += 1;
    expect(shown).toBeGreaterThanOrEqual(4);
    expect(shown).toBeLessThanOrEqual(6);
    const refused = await ask();
    expect(refused).toMatchObject({ type: "error", error_code: "rate_limited", retry_after: expect.any(Number) });
    await ann.join(ROOM);
    expect(ann.take()).toMatchObject([{ type: "error", error_code: "rate_limited" }]);
    await world.pass(1_000 * (refused?.type === "error" ? (refused.retry_after ?? 0) : 0));
    expect(await ask()).toMatchObject({ type: "history" });
  });

  test("edits and reactions of one user, over all their sockets: everybody is told of each", async () => {
    const [one, two] = [await inRoom(1), await inRoom(1)];
    const ben = await inRoom(2);
    await one.say(message("hi"));
    const react = (person: ChatPerson, nonce: string) =>
      person.say({ type: "react", message_id: id(1), emoji: "👍", nonce });
    for (let n = 0; n < 40; n++) await react(one, `n${n}`);
    expect(errors(one)).toEqual([]);
    await two.say({ type: "edit_message", message_id: id(1), message: "ho", nonce: "late" });
    expect(errors(two)).toMatchObject([{ error_code: "rate_limited", nonce: "late", retry_after: 1 }]);
    expect(rev()).toBe(41);
    await two.say(message("still writing"));
    await react(ben, "other");
    expect(rev()).toBe(43);
    await world.pass(500);
    await two.say({ type: "edit_message", message_id: id(1), message: "ho", nonce: "late" });
    expect(rev()).toBe(44);
  });

  test.each<[string, ChatIdentity, ChatIdentity]>([
    ["a user, over all their sockets", userOf(1), userOf(1)],
    ["a guest, of a socket each", guestOf("g1"), guestOf("g2")],
  ])("joins of %s: D1 is asked each time", async (_, one, two) => {
    const [first, second] = [await gateway.connect(one), await gateway.connect(two)];
    const join = async (person: ChatPerson) => {
      await person.join(ROOM);
      return person.take().at(-1);
    };
    for (let n = 0; n < 40; n++) expect(await join(first)).toMatchObject({ type: "users" });
    const refused = { type: "error", error_code: "rate_limited", retry_after: 1 };
    expect(await join(first)).toMatchObject(refused);
    expect(await join(second)).toMatchObject(one.kind === "user" ? refused : { type: "users" });
    const other = await gateway.connect(userOf(2));
    expect(await join(other)).toMatchObject({ type: "users" });
    // Who is refused stays where they are.
    await other.say(message("still here?"));
    expect(said(first)).toEqual(["still here?"]);
    await world.pass(1_000);
    expect(await join(first)).toMatchObject({ type: "users" });
  });

  test("so much at once: 32 wait their turn, the next is given back", async () => {
    const ann = await inRoom(1);
    const held = world.hold("history");
    for (let n = 0; n < 33; n++) await ann.say({ type: "history", before_id: id(5) });
    await ann.say({ type: "react", message_id: id(1), emoji: "👍", nonce: "n1" });
    expect(errors(ann)).toMatchObject([{ error_code: "rate_limited" }, { error_code: "rate_limited", nonce: "n1" }]);
    await held.release();
    expect(ann.of("history").filter(({ before_id }) => before_id !== undefined)).toHaveLength(32);
    await ann.say({ type: "history", before_id: id(5) });
    expect(errors(ann)).toEqual([]);
  });
});

describe("what does not work is told to its sender alone, with the nonce", () => {
  beforeEach(async () => {
    world.room(ROOM).room.configure(channelOf(ROOM, { stream: streamOf() }));
    world.room(ROOM).room.act(send(doer(9), "somebody else's"));
  });

  test.each<[string, unknown, string]>([
    ["of an unknown type", { type: "shout" }, "unknown_type"],
    ["that is not right", { type: "message", message: 5 }, "invalid"],
    ["that is empty", { type: "message", message: "  " }, "invalid"],
    ["editing what others wrote", { type: "edit_message", message_id: id(1), message: "x" }, "forbidden"],
    ["deleting what others wrote", { type: "delete", message_id: id(1) }, "forbidden"],
    ["pinning as a member", { type: "pin_message", message_id: id(1) }, "forbidden"],
    ["about nothing", { type: "react", message_id: id(9), emoji: "👍" }, "not_found"],
    ["about a message elsewhere", { type: "delete", message_id: messageId(8, 1) }, "not_found"],
    ["answering a message elsewhere", { type: "message", message: "hi", reply_to: messageId(8, 1) }, "not_found"],
  ])("a frame %s", async (_, frame, error_code) => {
    const [ann, ben] = [await inRoom(1), await inRoom(2)];
    ann.take();
    await ann.sayRaw(JSON.stringify({ ...(frame as object), nonce: "n1" }));
    expect(errors(ann)).toMatchObject([{ error_code, nonce: "n1", message: expect.any(String) }]);
    expect(ben.take()).toEqual([]);
    expect(rev()).toBe(1);
  });

  test("what is no frame at all", async () => {
    const ann = await inRoom(1);
    for (const data of [new ArrayBuffer(4), "{", "[]", '"\ufffd"', JSON.stringify("x".repeat(FRAME_MAX_BYTES))]) {
      await ann.sayRaw(data);
    }
    expect(errors(ann).map(({ error_code }) => error_code)).toEqual([
      "invalid",
      "invalid",
      "invalid",
      "invalid",
      "too_large",
    ]);
    await ann.say(message("still here"));
    expect(said(ann)).toEqual(["still here"]);
  });

  test("whatever a guest writes", async () => {
    const guest = await gateway.connect(guestOf());
    await guest.join(ROOM);
    await guest.say(message("hi", "n1"));
    await guest.say({ type: "react", message_id: id(1), emoji: "👍" });
    await guest.say({ type: "typing" });
    await guest.say({ type: "mark_read", message_id: id(1) });
    expect(errors(guest)).toMatchObject([
      { error_code: "unauthenticated", nonce: "n1" },
      { error_code: "unauthenticated" },
    ]);
    expect([rev(), world.called("typing").length, world.called("markRead").length]).toEqual([1, 0, 0]);
  });

  test("whatever somebody writes who is nowhere", async () => {
    const ann = await gateway.connect(userOf(1));
    await ann.say(message("hi", "n1"));
    await ann.say({ type: "typing" });
    await ann.say({ type: "mark_read", message_id: id(1) });
    expect(errors(ann)).toMatchObject([{ error_code: "not_joined", nonce: "n1" }]);
    expect([world.called("typing").length, world.called("markRead").length]).toEqual([0, 0]);
  });
});

describe("who is typing", () => {
  test("is not told of one who may only read", async () => {
    world.channels.set(ROOM, channelOf(ROOM, { mode: "readonly" }));
    world.moderators.add(2);
    const [ann, mod] = [await inRoom(1), await inRoom(2)];
    await ann.say({ type: "typing" });
    await mod.say({ type: "typing" });
    expect([...mod.of("typing"), ...ann.of("typing")]).toMatchObject([{ user_id: 2 }]);
  });

  test("is told at most every 2 s for each socket", async () => {
    const [ann, ben] = [await inRoom(1), await inRoom(2)];
    for (let n = 0; n < 10; n++) {
      await ann.say({ type: "typing" });
      await world.pass(500);
    }
    expect(ben.of("typing")).toEqual(
      Array(3).fill({ type: "typing", channel_id: ROOM, rev: 0, user_id: 1, username: "user1" }),
    );
  });

  test("is not worth a second try", async () => {
    const ann = await inRoom(1);
    world.lose("typing");
    await ann.say({ type: "typing" });
    await world.pass(10_000);
    expect(world.called("typing")).toHaveLength(1);
    expect(world.failures).toEqual(["a room was not told who is typing"]);
    expect(errors(ann)).toEqual([]);
  });
});

test("how far somebody has read is kept, once a second; that it could not be is noted, and no matter to them", async () => {
  const ann = await inRoom(1);
  await ann.say({ type: "mark_read", message_id: id(3) });
  await ann.say({ type: "mark_read", message_id: id(4) });
  expect(gateway.read).toEqual([{ user_id: 1, message_id: id(3) }]);
  await world.pass(1_000);
  world.lose("markRead");
  await ann.say({ type: "mark_read", message_id: id(4) });
  expect(world.failures).toEqual(["a read mark was not kept"]);
  expect(errors(ann)).toEqual([]);
});
