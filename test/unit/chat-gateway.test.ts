/** What people at a gateway see when they come, write, go elsewhere and leave. */
import { beforeEach, describe, expect, test } from "vitest";
import { messageId } from "#kit/message-id";
import { actionsOf, channelOf, doer, guestOf, HIDDEN, streamOf, userOf } from "../harness/chat-cast.ts";
import { type ChatPerson, revsOf, type Sendable, settled, typesOf } from "../harness/chat-person.ts";
import { ChatWorld, type GatewayHost } from "../harness/chat-world.ts";

const ROOM = 7;
const STREAM_ROOM = 8;
const PRIVATE_ROOM = 9;
const { id, send, pin } = actionsOf(ROOM);

let world: ChatWorld;
let gateway: GatewayHost;

beforeEach(() => {
  world = new ChatWorld();
  world.channels.set(ROOM, channelOf(ROOM, { name: "general", topic: "all sorts" }));
  world.channels.set(STREAM_ROOM, channelOf(STREAM_ROOM, { stream: streamOf({ is_live: 1 }) }));
  world.channels.set(PRIVATE_ROOM, channelOf(PRIVATE_ROOM, { visibility: "private" }));
  gateway = world.gateway();
});

const inRoom = async (user_id: number, { batch = false, room = ROOM, at = gateway } = {}): Promise<ChatPerson> => {
  const person = await at.connect(userOf(user_id), { batch });
  await person.join(room);
  person.take();
  return person;
};
const say = (message: string, nonce?: string): Sendable => ({ type: "message", message, ...(nonce && { nonce }) });
const said = (frames: ReturnType<ChatPerson["take"]>) =>
  frames.flatMap((frame) => (frame.type === "message" ? frame.message : []));

describe("a socket", () => {
  test("is told first who it belongs to", async () => {
    const ann = await gateway.connect(userOf(1, { nickname: "Ann" }));
    expect(ann.frames).toEqual([{ type: "connected", user: userOf(1, { nickname: "Ann" }).profile }]);
    const guest = await gateway.connect(guestOf());
    expect(guest.frames).toEqual([{ type: "connected", user: null }]);
  });

  test("is answered its ping", async () => {
    const ann = await gateway.connect(userOf(1));
    await ann.say({ type: "ping" });
    expect(ann.last("pong")).toEqual({ type: "pong" });
  });

  test("may be one of ten of its user", async () => {
    const ten = await Promise.all(Array.from({ length: 10 }, () => gateway.connect(userOf(1))));
    expect(gateway.gateway.full(userOf(1))).toBe("user");
    expect(gateway.gateway.full(userOf(2))).toBeNull();
    expect(gateway.gateway.full(guestOf())).toBeNull();
    await ten[0]?.leave();
    expect(gateway.gateway.full(userOf(1))).toBeNull();
  });

  test("of a guest leaves room for those who have an account", async () => {
    const quiet = { send() {}, close() {}, remember() {}, pingedAt: () => null, isOpen: () => true };
    for (let n = 0; n < 27_000; n++) gateway.gateway.connect({ id: `guest ${n}`, ...quiet }, guestOf(), false);
    expect(gateway.gateway.full(guestOf())).toBe("gateway");
    expect(gateway.gateway.full(userOf(1))).toBeNull();
  });

  test("takes nobody's place once it is dead, though nobody said so", async () => {
    const ten = await Promise.all(Array.from({ length: 10 }, () => inRoom(1)));
    const [lost, silent, pinging] = ten;
    if (!lost || !silent || !pinging) throw new Error("ten were made");
    // Who never pings may be silent for as long as they like.
    silent.pinged = world.now;
    await world.pass(60_000);
    pinging.pinged = world.now;
    await world.pass(31_000);
    lost.lost = true;
    expect(gateway.gateway.full(userOf(1))).toBeNull();
    await settled();
    expect([...gateway.people.values()].filter(({ closed }) => closed !== null)).toEqual([lost, silent]);
    expect(gateway.gateway.seats).toBe(8);
  });

  test("is missed at the next alarm when it is dead, and those in its room are told", async () => {
    const [ann, ben] = [await inRoom(1), await inRoom(2)];
    await world.pass(2_000);
    ann.lost = true;
    ben.take();
    await world.pass(6 * 60_000);
    expect(ben.take()).toContainEqual(expect.objectContaining({ type: "user_left", user_id: 1 }));
  });
});

describe("a join", () => {
  test("sends the channel, the last messages, pins when there are any, and who is there, in this order", async () => {
    const ann = await gateway.connect(userOf(1));
    ann.take();
    await ann.join(ROOM);
    expect(typesOf(ann.take())).toEqual(["channel_info", "history", "users"]);
    world.room(ROOM).room.act(send(doer(1), "hello"));
    world.room(ROOM).room.act(pin(doer(3, "moderator"), id(1)));
    const ben = await gateway.connect(userOf(2));
    ben.take();
    await ben.join(ROOM);
    const frames = ben.take();
    expect(typesOf(frames)).toEqual(["channel_info", "history", "pinned_messages", "users"]);
    for (const frame of frames) expect(frame).toMatchObject({ channel_id: ROOM, rev: 2 });
    expect(ben.last("history")).toMatchObject({ messages: [{ id: id(1), message: "hello" }], has_more: false });
    expect(ben.last("users")).toMatchObject({ users: [{ user_id: 1 }, { user_id: 2 }], total: 2, guests: 0 });
  });

  test("tells what the channel is, and what one may do there", async () => {
    world.moderators.add(3);
    const member = await inRoom(1, { room: STREAM_ROOM });
    expect(member.last("channel_info")).toEqual({
      type: "channel_info",
      channel_id: STREAM_ROOM,
      rev: 0,
      id: STREAM_ROOM,
      name: "channel8",
      description: "",
      topic: "",
      visibility: "public",
      mode: "open",
      slowmode_seconds: 0,
      can_send: true,
      can_moderate: false,
      stream_id: 5,
      stream_name: "A stream",
      stream_is_live: 1,
      stream_public_key: "pub_5",
    });
    const moderator = await inRoom(3);
    expect(moderator.last("channel_info")).toMatchObject({ can_send: true, can_moderate: true, topic: "all sorts" });
    const guest = await gateway.connect(guestOf());
    await guest.join(STREAM_ROOM);
    expect(guest.last("channel_info")).toMatchObject({ can_send: false, can_moderate: false });
  });

  test("in a readonly channel says that only moderators write", async () => {
    world.moderators.add(3);
    world.channels.set(ROOM, channelOf(ROOM, { mode: "readonly" }));
    const infos = [await inRoom(1), await inRoom(3)].map((person) => person.last("channel_info"));
    expect(infos).toMatchObject([{ can_send: false }, { can_send: true }]);
  });

  test.each<[string, Sendable, number]>([
    ["nothing", { type: "join" }, ROOM],
    ["a name", { type: "join", channel: "channel8" }, STREAM_ROOM],
    ["an id", { type: "join", channel_id: STREAM_ROOM }, STREAM_ROOM],
    ["a stream's key", { type: "join", stream_key: "pub_5" }, STREAM_ROOM],
  ])("by %s", async (_, frame, room) => {
    const ann = await gateway.connect(userOf(1));
    await ann.say(frame);
    expect(ann.last("channel_info").id).toBe(room);
  });

  test.each<[string, ReturnType<typeof guestOf>, Sendable, string]>([
    ["a channel that is not there", userOf(1), { type: "join", channel: "nowhere" }, "not_found"],
    ["a private one that one is no member of", userOf(1), { type: "join", channel_id: PRIVATE_ROOM }, "not_found"],
    ["a channel without a stream, for a guest", guestOf(), { type: "join", channel_id: ROOM }, "unauthenticated"],
  ])("of %s is refused", async (_, identity, frame, error_code) => {
    const person = await gateway.connect(identity);
    person.take();
    await person.say(frame);
    expect(person.take()).toEqual([{ type: "error", error_code, message: expect.any(String) }]);
    await person.say(say("hi"));
    expect(person.last("error").error_code).toBe("not_joined");
  });

  test("again of the same channel shows everything anew, and one is there once", async () => {
    const ann = await inRoom(1);
    await ann.say(say("hi"));
    ann.take();
    await ann.join(ROOM);
    expect(typesOf(ann.take()).slice(0, 3)).toEqual(["channel_info", "history", "users"]);
    expect(ann.last("users")).toMatchObject({ total: 1 });
    await ann.say(say("ho"));
    expect(said(ann.take())).toEqual(["ho"]);
  });

  test("shows somebody anonymous which messages are theirs, and nobody else", async () => {
    world.room(ROOM).room.configure(channelOf(ROOM));
    world.room(ROOM).room.act(send(doer(1, "member", HIDDEN), "hidden"));
    world.room(ROOM).room.act(pin(doer(3, "moderator"), id(1)));
    const [ann, ben] = [await inRoom(1), await inRoom(2)];
    expect(ann.last("history").messages).toMatchObject([{ own: true, user_id: null }]);
    expect(ann.last("pinned_messages").messages).toMatchObject([{ own: true }]);
    expect(ben.last("history").messages[0]).not.toHaveProperty("own");
    expect(ben.last("pinned_messages").messages[0]).not.toHaveProperty("own");
    await ann.say({ type: "history", before_id: id(9) });
    await ben.say({ type: "history", before_id: id(9) });
    expect(ann.last("history").messages).toMatchObject([{ own: true }]);
    expect(ben.last("history").messages[0]).not.toHaveProperty("own");
  });

  test("that the room does not answer is tried four times, then refused; a later one works", async () => {
    world.lose("visit", 4);
    const ann = await gateway.connect(userOf(1));
    ann.take();
    await ann.join(ROOM);
    await world.pass(1_299);
    expect(ann.take()).toEqual([]);
    await world.pass(1);
    expect(ann.take()).toMatchObject([{ type: "error", error_code: "unavailable" }]);
    await ann.join(ROOM);
    expect(typesOf(ann.take())).toEqual(["channel_info", "history", "users"]);
  });

  test("that D1 does not answer leaves one where one is", async () => {
    const ann = await inRoom(1);
    world.lose("open", 3);
    await ann.join(STREAM_ROOM);
    await world.pass(300);
    expect(ann.take()).toMatchObject([{ type: "error", error_code: "unavailable" }]);
    await ann.say(say("still here"));
    expect(said(ann.take())).toEqual(["still here"]);
  });
});

describe("one channel at a time", () => {
  test("a join of another leaves the present one, in the eyes of all", async () => {
    const [ann, ben] = [await inRoom(1), await inRoom(2)];
    await ann.join(STREAM_ROOM);
    expect(ben.take()).toMatchObject([{ type: "user_left", user_id: 1 }]);
    ann.take();
    await ben.say(say("in general"));
    await ann.say(say("at the stream"));
    expect(said(ann.take())).toEqual(["at the stream"]);
    expect(said(ben.take())).toEqual(["in general"]);
  });

  test("a refused one leaves it, too", async () => {
    const ann = await inRoom(1);
    await ann.join(PRIVATE_ROOM);
    ann.take();
    await ann.say(say("where am I?"));
    expect(ann.take()).toMatchObject([{ type: "error", error_code: "not_joined" }]);
  });

  test("the last one to leave ends the subscription; the next one to come begins another", async () => {
    const [ann, ben] = [await inRoom(1), await inRoom(2)];
    await ann.leave();
    expect(world.visits.some(({ bye }) => bye)).toBe(false);
    await ben.leave();
    expect(world.visits.at(-1)).toMatchObject({ bye: true });
    expect(world.room(ROOM).store.exec("SELECT * FROM subscribers")).toEqual([]);
    expect(gateway.store.exec("SELECT * FROM rooms")).toEqual([]);
    await inRoom(1);
    expect(world.room(ROOM).store.exec("SELECT gateway FROM subscribers")).toEqual([{ gateway: "eu:0" }]);
  });

  test("who leaves while the room does not answer is gone for the others once it does", async () => {
    const [ann, ben] = [await inRoom(1), await inRoom(2)];
    world.away.add(String(ROOM));
    await ben.leave();
    await world.pass(5_000);
    world.away.clear();
    await world.pass(2_000);
    expect(ann.of("user_left")).toMatchObject([{ user_id: 2 }]);
  });

  test("who leaves and comes back before the room has heard of it was never gone", async () => {
    const [ann, ben] = [await inRoom(1), await inRoom(2)];
    const held = world.holdAnswer("visit");
    await inRoom(3);
    await ben.leave();
    await inRoom(2);
    await held.release();
    await world.pass(1_000);
    expect(ann.of("user_left")).toEqual([]);
    expect(ann.last("users")).toMatchObject({ total: 3 });
  });

  test("two tabs of one person are one person, who leaves with the last tab", async () => {
    const [one, two, ben] = [await inRoom(1), await inRoom(1), await inRoom(2)];
    expect(ben.last("users").total).toBe(2);
    await one.leave();
    await world.pass(0);
    expect(ben.of("user_left")).toEqual([]);
    await two.leave();
    expect(ben.of("user_left")).toMatchObject([{ user_id: 1 }]);
  });
});

describe("everybody in a channel", () => {
  test("sees each message once and in the same order, whichever gateway they are at", async () => {
    const people = [
      await inRoom(1),
      await inRoom(2, { batch: true }),
      await inRoom(3, { at: world.gateway("us:0") }),
      await inRoom(4, { at: world.gateway("us:0"), batch: true }),
    ];
    for (const [n, person] of people.entries()) await person.say(say(`${n}`));
    await world.pass(100);
    for (const person of people) expect(said(person.take())).toEqual(["0", "1", "2", "3"]);
  });

  test("sees edits, reactions, pins and deletions, with the nonce of their sender", async () => {
    world.moderators.add(1);
    const [ann, ben] = [await inRoom(1), await inRoom(2)];
    const message_id = id(1);
    const frames: Sendable[] = [
      say("hi", "n1"),
      { type: "edit_message", message_id, message: "ho", nonce: "n2" },
      { type: "react", message_id, emoji: "👍", nonce: "n3" },
      { type: "pin_message", message_id, nonce: "n4" },
      { type: "unpin_message", message_id, nonce: "n5" },
      { type: "delete", message_id, nonce: "n6" },
    ];
    for (const frame of frames) await ann.say(frame);
    for (const person of [ann, ben]) {
      const changes = person.take().filter((frame) => "nonce" in frame);
      expect(changes).toMatchObject([
        { type: "message", nonce: "n1" },
        { type: "message_edited", nonce: "n2" },
        { type: "reaction_update", nonce: "n3" },
        { type: "message_pinned", nonce: "n4" },
        { type: "message_unpinned", nonce: "n5" },
        { type: "message_deleted", nonce: "n6" },
      ]);
      expect(revsOf(changes)).toEqual([1, 2, 3, 4, 5, 6]);
    }
  });

  test.each([false, true])(
    "is told when others come, type and go, and nothing of that about themselves (batches: %s)",
    async (batch) => {
      const comings = ({ frames }: ChatPerson) =>
        frames.flatMap((frame) => {
          if (frame.type !== "user_joined" && frame.type !== "user_left" && frame.type !== "typing") return [];
          return `${frame.type} ${frame.username}`;
        });
      const ann = await inRoom(1, { batch });
      const ben = await inRoom(2, { batch });
      const hidden = await gateway.connect(userOf(3, HIDDEN), { batch });
      await hidden.say({ type: "resume", channel_id: ROOM, rev: 0 });
      for (const person of [ann, ben, hidden]) await person.say({ type: "typing" });
      await world.pass(100);
      await ben.leave();
      await hidden.leave();
      await world.pass(1_000);
      const [one, two, three] = ["user1", "user2", "Anonymous"];
      expect(comings(ann)).toEqual([
        ...[two, three].map((name) => `user_joined ${name}`),
        ...[two, three].map((name) => `typing ${name}`),
        ...[two, three].map((name) => `user_left ${name}`),
      ]);
      expect(comings(ben)).toEqual([`user_joined ${three}`, `typing ${one}`, `typing ${three}`]);
      expect(comings(hidden)).toEqual([`typing ${one}`, `typing ${two}`, `user_left ${two}`]);
      expect(ann.last("users")).toMatchObject({ total: 1 });
    },
  );
});

describe("looking back", () => {
  test("answers what was asked for, and says for which message", async () => {
    const ann = await inRoom(1);
    for (let n = 1; n <= 5; n++) world.room(ROOM).room.act(send(doer(2), `${n}`));
    await ann.say({ type: "history", before_id: id(4), limit: 2 });
    expect(ann.last("history")).toMatchObject({
      channel_id: ROOM,
      rev: 5,
      messages: [{ id: id(2) }, { id: id(3) }],
      has_more: true,
      before_id: id(4),
    });
  });

  test("from a message of another channel shows nothing of that channel", async () => {
    world.room(STREAM_ROOM).room.configure(channelOf(STREAM_ROOM));
    world.room(STREAM_ROOM).room.act(actionsOf(STREAM_ROOM).send(doer(2), "elsewhere"));
    const ann = await inRoom(1);
    await ann.say({ type: "history", before_id: messageId(STREAM_ROOM, 9) });
    expect(ann.last("history")).toMatchObject({ messages: [], has_more: false });
  });

  test("without a channel, or while the room is away, is refused", async () => {
    const ann = await gateway.connect(userOf(1));
    await ann.say({ type: "history", before_id: id(1) });
    expect(ann.last("error").error_code).toBe("not_joined");
    await ann.join(ROOM);
    world.away.add(String(ROOM));
    await ann.say({ type: "history", before_id: id(1) });
    await world.pass(300);
    expect(ann.last("error").error_code).toBe("unavailable");
  });
});

test("a channel that is deleted is told to all, who are nowhere then", async () => {
  const people = [await inRoom(1), await inRoom(2, { batch: true })];
  world.room(ROOM).room.act(send(doer(3), "just before"));
  await settled();
  world.room(ROOM).room.destroy();
  world.channels.delete(ROOM);
  await world.pass(100);
  for (const person of people) {
    const frames = person.take().filter(({ type }) => type !== "user_joined");
    expect(typesOf(frames)).toEqual(["message", "channel_deleted", "error"]);
    expect(frames).toMatchObject([{ rev: 1 }, { rev: 2, channel: "general" }, { error_code: "not_found" }]);
    await person.say(say("hello?"));
    expect(person.last("error").error_code).toBe("not_joined");
    await person.join(ROOM);
    expect(person.last("error").error_code).toBe("not_found");
  }
  expect(gateway.store.exec("SELECT * FROM rooms")).toEqual([]);
});

test("a channel that is found to be gone at the next visit is told the same way", async () => {
  const ann = await inRoom(1);
  world.lose("deliver", 99);
  world.room(ROOM).room.destroy();
  await world.pass(6 * 60_000);
  expect(ann.last("error").error_code).toBe("not_found");
});
