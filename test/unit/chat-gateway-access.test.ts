/** Who may be in a channel, again and again: after its settings have changed, and when a session is over. */
import { beforeEach, describe, expect, test } from "vitest";
import type { ChannelConfig } from "#contract/chat";
import { CHAT_CLOSE } from "#contract/chat-frames";
import type { ChatIdentity } from "#contract/chat-rpc";
import { actionsOf, channelOf, doer, guestOf, HIDDEN, streamOf, userOf } from "../harness/chat-cast.ts";
import { type ChatPerson, type Sendable, settled, typesOf } from "../harness/chat-person.ts";
import { ChatWorld, type GatewayHost } from "../harness/chat-world.ts";

const ROOM = 7;
const { send } = actionsOf(ROOM);

let world: ChatWorld;
let gateway: GatewayHost;
let version: number;

beforeEach(() => {
  world = new ChatWorld();
  gateway = world.gateway();
  version = 0;
});

/** D1 has changed, and its room was told. */
const configure = async (change: Partial<ChannelConfig>): Promise<void> => {
  const config = channelOf(ROOM, { ...change, version: ++version });
  world.channels.set(ROOM, config);
  world.room(ROOM).room.configure(config);
  await world.pass(100);
};
const inRoom = async (identity: ChatIdentity, frame: Sendable = { type: "join", channel_id: ROOM }) => {
  const person = await gateway.connect(identity);
  await person.say(frame);
  expect(person.last("history")).toBeDefined();
  await world.pass(1_100);
  person.take();
  return person;
};
/** Whether they are still told what is written. */
const hears = async (person: ChatPerson): Promise<boolean> => {
  const before = person.of("message").length;
  world.room(ROOM).room.act(send(doer(99, "moderator"), "hi"));
  await world.pass(100);
  return person.of("message").length > before;
};
const LAST_WORDS = "You may no longer read this channel";

describe("when a stream's settings change", () => {
  const open = streamOf();

  test("guests go when it closes to guests; members stay", async () => {
    await configure({ stream: open });
    const [guest, ann] = [await inRoom(guestOf()), await inRoom(userOf(1))];
    await configure({ stream: { ...open, allow_unauthenticated: false } });
    expect(guest.last("error")).toMatchObject({ error_code: "unauthenticated", message: LAST_WORDS });
    expect([await hears(guest), await hears(ann)]).toEqual([false, true]);
    await world.pass(1_000);
    expect(ann.last("users")).toMatchObject({ total: 1, guests: 0 });
  });

  test("that becomes private, only those stay who may see it", async () => {
    world.members.add(2);
    await configure({ stream: open });
    const [guest, ann, owner] = [await inRoom(guestOf()), await inRoom(userOf(1)), await inRoom(userOf(2))];
    await configure({ stream: { ...open, is_public: false } });
    expect([await hears(guest), await hears(ann), await hears(owner)]).toEqual([false, false, true]);
    expect(ann.last("error")).toMatchObject({ error_code: "not_found", message: LAST_WORDS });
    expect(owner.last("channel_info").rev).toBe(1);
  });

  test("whoever holds its own key stays, whatever they are", async () => {
    await configure({ stream: { ...open, is_public: false } });
    const byKey: Sendable = { type: "join", stream_key: "live_5" };
    const [guest, ann] = [await inRoom(guestOf(), byKey), await inRoom(userOf(1), byKey)];
    await configure({ stream: { ...open, is_public: false, allow_unauthenticated: false } });
    expect([await hears(guest), await hears(ann)]).toEqual([true, true]);
  });
});

describe("when a channel becomes private", () => {
  test("those go who are no members, and are told why; the others' view of it is told anew", async () => {
    world.members.add(2);
    await configure({});
    const [ann, ben] = [await inRoom(userOf(1)), await inRoom(userOf(2))];
    ann.take();
    await configure({ visibility: "private" });
    expect(typesOf(ann.take())).toEqual(["channel_updated", "error"]);
    expect(typesOf(ben.take())).toEqual(expect.arrayContaining(["channel_updated", "channel_info", "user_left"]));
    expect([await hears(ann), await hears(ben)]).toEqual([false, true]);
    await ann.say({ type: "message", message: "hello?" });
    expect(ann.last("error").error_code).toBe("not_joined");
    expect(ann.closed).toBeNull();
  });

  test("in a private one D1 is asked after each change of it: who is no member any more goes", async () => {
    world.members.add(1);
    await configure({ visibility: "private" });
    const ann = await inRoom(userOf(1));
    await configure({ visibility: "private", topic: "new" });
    expect(await hears(ann)).toBe(true);
    world.members.delete(1);
    await configure({ visibility: "private", topic: "newer" });
    expect(await hears(ann)).toBe(false);
  });

  test("what one may do there is what D1 says then, also after a sleep", async () => {
    world.members.add(1);
    await configure({ visibility: "private" });
    const ann = await inRoom(userOf(1));
    world.moderators.add(1);
    await configure({ visibility: "private", topic: "new" });
    expect(ann.last("channel_info")).toMatchObject({ can_moderate: true });
    await world.pass(10_000);
    await gateway.sleep();
    await ann.say({ type: "message", message: "hi" });
    await ann.say({ type: "pin_message", message_id: ann.last("message").id });
    expect(ann.last("message_pinned")).toMatchObject({ pinned_by: 1 });
  });

  test("somebody of whom D1 cannot be asked is put out, and may come back; the others are asked for all the same", async () => {
    world.members.add(1).add(2);
    await configure({});
    const [ann, ben, cleo] = [await inRoom(userOf(1)), await inRoom(userOf(2)), await inRoom(userOf(3))];
    world.lose("open", 3);
    await configure({ visibility: "private" });
    await world.pass(1_000);
    expect(ann.last("error")).toMatchObject({ error_code: "unavailable" });
    expect([await hears(ann), await hears(ben), await hears(cleo)]).toEqual([false, true, false]);
    await ann.join(ROOM);
    expect(await hears(ann)).toBe(true);
  });

  test("one question takes long, and the settings change again meanwhile: everybody knows the newest", async () => {
    world.members.add(1);
    await configure({});
    const ann = await inRoom(userOf(1));
    const held = world.holdAnswer("open");
    await configure({ visibility: "private", topic: "old" });
    await configure({ visibility: "private", topic: "new" });
    await held.release();
    expect(ann.last("channel_info").topic).toBe("new");
  });

  test("and somebody left meanwhile, or went elsewhere: they stay where they went", async () => {
    world.channels.set(8, channelOf(8));
    await configure({});
    const [ann, ben] = [await inRoom(userOf(1)), await inRoom(userOf(2))];
    const held = world.holdAnswer("open");
    await configure({ visibility: "private" });
    await ann.join(8);
    await ben.leave();
    await held.release();
    await world.pass(100);
    expect(ann.last("channel_info").id).toBe(8);
    await ann.say({ type: "message", message: "here" });
    expect(ann.of("message")).toHaveLength(1);
  });
});

describe("a session", () => {
  const session = (change: Partial<ReturnType<typeof userOf>>) => userOf(1, {}, change);

  test("that expires ends its sockets then, with a word and a code", async () => {
    await configure({});
    const ben = await inRoom(userOf(2));
    const ann = await gateway.connect(session({ expires_at: world.now + 60_000 }));
    await ann.join(ROOM);
    await world.pass(59_999);
    expect(ann.closed).toBeNull();
    await world.pass(1);
    expect(ann.last("error").error_code).toBe("unauthenticated");
    expect(ann.closed).toMatchObject({ code: CHAT_CLOSE.unauthenticated });
    expect(ben.of("user_left")).toMatchObject([{ user_id: 1 }]);
  });

  test("that expired while nobody could ring does nothing any more", async () => {
    await configure({});
    const ann = await gateway.connect(session({ expires_at: world.now + 60_000 }));
    await ann.join(ROOM);
    gateway.alarmAt = null;
    world.now += 60_000;
    await ann.say({ type: "message", message: "hi" });
    expect(ann.closed).toMatchObject({ code: CHAT_CLOSE.unauthenticated });
    expect(world.room(ROOM).room.rev).toBe(0);
  });

  test("that was signed out ends all its sockets, and those of no other session", async () => {
    const sockets = [session({}), session({ session: "other" }), session({ session: "key:1" }), userOf(2)];
    const [one, two, byKey, ben] = await Promise.all([...sockets, session({})].map((who) => gateway.connect(who)));
    gateway.gateway.signOut({ session: "session1" });
    await settled();
    expect(one?.closed).toMatchObject({ code: CHAT_CLOSE.unauthenticated });
    for (const other of [two, byKey, ben]) expect(other?.closed).toBeNull();
    expect(gateway.gateway.seats).toBe(3);
    gateway.gateway.signOut({ user_id: 1 });
    await settled();
    for (const other of [two, byKey]) expect(other?.closed).toMatchObject({ code: CHAT_CLOSE.unauthenticated });
    expect(ben?.closed).toBeNull();
    // Who does not answer the close is nobody after a sleep.
    expect([one, two, byKey, ben].map((each) => each?.memory?.identity)).toEqual([
      undefined,
      undefined,
      undefined,
      userOf(2),
    ]);
  });

  test("is known after a sleep, and rings then", async () => {
    const ann = await gateway.connect(session({ expires_at: world.now + 60_000 }));
    await world.pass(20_000);
    await gateway.sleep();
    await world.pass(40_000);
    expect(ann.closed).toMatchObject({ code: CHAT_CLOSE.unauthenticated });
  });
});

describe("another name, avatar or status", () => {
  const looks = (change: Parameters<typeof userOf>[1], more: { status?: string; status_message?: string } = {}) => {
    const { profile, status, status_message } = userOf(1, change, more);
    gateway.gateway.looks(1, { profile, status, status_message });
    return world.pass(1_100);
  };
  const news = (person: ChatPerson) => person.take().filter(({ type }) => type.startsWith("user"));

  test("is told to the others, and is that of what they write from then on, also after a sleep", async () => {
    await configure({});
    const [ann, ben] = [await inRoom(userOf(1)), await inRoom(userOf(2))];
    ann.take();
    await looks({ nickname: "Annie", avatar: { emoji: "🦊" } }, { status: "busy", status_message: "writing" });
    const about = { user_id: 1, username: "user1" };
    expect(news(ben)).toMatchObject([
      { type: "user_nickname_changed", ...about, nickname: "Annie" },
      { type: "user_avatar_changed", ...about, avatar: { emoji: "🦊" } },
      { type: "user_status_changed", ...about, status: "busy", status_message: "writing" },
      { type: "users", total: 2 },
    ]);
    await world.pass(10_000);
    await gateway.sleep();
    await ann.say({ type: "message", message: "hi" });
    expect(ben.last("message")).toMatchObject({ nickname: "Annie", avatar: { emoji: "🦊" } });
  });

  test("of somebody anonymous is nobody's business", async () => {
    await configure({});
    const ben = await inRoom(userOf(2));
    const ann = await inRoom(userOf(1, { anonymous: true }));
    ben.take();
    await looks(HIDDEN, { status_message: "I am user1" });
    await ann.say({ type: "message", message: "hi" });
    expect(JSON.stringify(ben.take())).not.toMatch(/Nickname|🦊|user1|I am/);
  });

  test("is told in the room where they are, once for all their tabs, and nowhere else", async () => {
    await configure({});
    world.channels.set(8, channelOf(8));
    const [ben, cleo] = [await inRoom(userOf(2)), await gateway.connect(userOf(3))];
    await cleo.join(8);
    await inRoom(userOf(1));
    await inRoom(userOf(1));
    await gateway.connect(userOf(1));
    for (const person of [ben, cleo]) person.take();
    await looks({ nickname: "Annie" });
    expect(news(ben)).toMatchObject([{ type: "user_nickname_changed" }, { type: "users" }]);
    expect(news(cleo)).toEqual([]);
  });
});
