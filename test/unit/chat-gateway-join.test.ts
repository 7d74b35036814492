/** What people at a gateway are shown when they come to a channel, and what the others see when they go. */
import { beforeEach, describe, expect, test } from "vitest";
import { actionsOf, channelOf, doer, guestOf, HIDDEN, userOf } from "../harness/chat-cast.ts";
import { type Sendable, said, say, typesOf } from "../harness/chat-person.ts";
import { ChannelsScene, PRIVATE_ROOM, ROOM, STREAM_ROOM } from "../harness/chat-scene.ts";
import type { ChatWorld, GatewayHost } from "../harness/chat-world.ts";

const { id, send, pin } = actionsOf(ROOM);

let scene: ChannelsScene;
let world: ChatWorld;
let gateway: GatewayHost;

beforeEach(() => {
  scene = new ChannelsScene();
  ({ world, gateway } = scene);
});

const inRoom: ChannelsScene["inRoom"] = (...who) => scene.inRoom(...who);

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
