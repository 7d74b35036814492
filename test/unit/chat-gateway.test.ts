/** What people at a gateway see of each other, and of the channel they are in. */
import { beforeEach, describe, expect, test } from "vitest";
import { messageId } from "#kit/message-id";
import { actionsOf, channelOf, doer, guestOf, HIDDEN, userOf } from "../harness/chat-cast.ts";
import { type ChatPerson, revsOf, type Sendable, said, say, settled, typesOf } from "../harness/chat-person.ts";
import { ChannelsScene, ROOM, STREAM_ROOM } from "../harness/chat-scene.ts";
import type { ChatWorld, GatewayHost } from "../harness/chat-world.ts";

const { id, send } = actionsOf(ROOM);

let scene: ChannelsScene;
let world: ChatWorld;
let gateway: GatewayHost;

beforeEach(() => {
  scene = new ChannelsScene();
  ({ world, gateway } = scene);
});

const inRoom: ChannelsScene["inRoom"] = (...who) => scene.inRoom(...who);

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
