/** Readers that do not keep up: they hold up nobody, fill no memory, and miss nothing once they have read. */
import { beforeEach, describe, expect, test } from "vitest";
import { BATCH_MS, MESSAGE_MAX } from "#contract/chat";
import { CHAT_CLOSE } from "#contract/chat-frames";
import { actionsOf, channelOf, doer, upTo, userOf } from "../harness/chat-cast.ts";
import { type ChatPerson, isChange, settled, typesOf } from "../harness/chat-person.ts";
import { ChatWorld, type GatewayHost } from "../harness/chat-world.ts";

const ROOM = 7;
const KIB = 1024;
const { id, send } = actionsOf(ROOM);

let world: ChatWorld;
let gateway: GatewayHost;

beforeEach(() => {
  world = new ChatWorld();
  world.channels.set(ROOM, channelOf(ROOM));
  world.room(ROOM).room.configure(channelOf(ROOM));
  gateway = world.gateway();
});

const inRoom = async (user_id: number, { batch = true, reads = true } = {}): Promise<ChatPerson> => {
  const person = await gateway.connect(userOf(user_id), { batch });
  person.reads = reads;
  await person.join(ROOM);
  return person;
};
const LONG = "x".repeat(MESSAGE_MAX);
/** About 4 KiB each; every batch has its turn. */
const sayLong = async (count: number, text = LONG): Promise<void> => {
  for (let n = 0; n < count; n++) {
    world.room(ROOM).room.act(send(doer(9), text));
    await world.pass(BATCH_MS);
  }
};
const bytes = (person: ChatPerson) => person.texts.reduce((sum, text) => sum + text.length, 0);

describe("a reader of batches", () => {
  test("is asked after each 64 KiB whether it has read, and says so", async () => {
    const ann = await inRoom(1);
    await sayLong(40);
    const asked = ann.texts.filter((text) => text.includes('"sync"'));
    expect(asked.length).toBe(Math.floor(bytes(ann) / (64 * KIB)));
    expect(ann.revs).toEqual(upTo(1, 40));
  });

  test("that does not say so is sent no more once it has 256 KiB unread; the others go on", async () => {
    const [slow, ann, ben] = [await inRoom(1, { reads: false }), await inRoom(2), await inRoom(3, { batch: false })];
    await sayLong(100);
    expect(bytes(slow)).toBeGreaterThan(256 * KIB);
    expect(bytes(slow)).toBeLessThan((256 + 8) * KIB);
    for (const person of [ann, ben]) expect(person.revs).toEqual(upTo(1, 100));
  });

  test("gets all that it missed once it has, and is up to date then", async () => {
    const slow = await inRoom(1, { reads: false });
    await sayLong(100);
    await slow.catchUp();
    await sayLong(10);
    expect(slow.revs).toEqual(upTo(1, 110));
    expect(slow.last("resumed").rev).toBe(100);
    expect(slow.closed).toBeNull();
  });

  test("has caught up when it has read what it was asked for, not a part of it", async () => {
    const slow = await inRoom(1, { reads: false });
    await sayLong(100);
    const before = slow.texts.length;
    const [first] = slow.texts.flatMap((text) => text.match(/"n":(\d+)/)?.[1] ?? []);
    await slow.say({ type: "synced", n: Number(first) });
    expect(slow.texts.length).toBe(before);
    await slow.say({ type: "synced", n: 10 ** 9 });
    expect(slow.texts.length).toBe(before);
  });

  test("that missed more than the gateway keeps gets it from the room", async () => {
    const slow = await inRoom(1, { reads: false });
    await sayLong(70);
    const got = slow.revs.length;
    // From here on short ones: many, and not much.
    await sayLong(550 - got, "short");
    expect(slow.revs.length).toBe(got);
    // In less than 30 s of its being slow.
    await slow.catchUp();
    expect(typesOf(slow.frames)).toContain("resumed");
  });

  test("that never catches up is closed 30 s after it was first passed over", async () => {
    const slow = await inRoom(1, { reads: false });
    await sayLong(70);
    await world.pass(29_000 - 70 * BATCH_MS);
    expect(slow.closed).toBeNull();
    await world.pass(5_000);
    expect(slow.closed).toMatchObject({ code: CHAT_CLOSE.tooSlow });
    await sayLong(1);
    expect(slow.of("message").at(-1)?.rev).toBeLessThan(71);
  });

  test("that is slow a second time has another 30 s", async () => {
    const slow = await inRoom(1, { reads: false });
    await sayLong(80);
    await slow.catchUp();
    await world.pass(15_000);
    slow.reads = false;
    await sayLong(100);
    await world.pass(20_000);
    expect(slow.closed).toBeNull();
    await slow.catchUp();
    expect(slow.revs).toEqual(upTo(1, 180));
  });

  test("gets nothing twice when it was what it asked for that it did not read", async () => {
    await inRoom(2, { batch: false });
    const slow = await inRoom(1);
    await sayLong(60);
    await world.pass(10_000);
    slow.reads = false;
    await slow.say({ type: "history", before_id: id(61), limit: 60 });
    await slow.say({ type: "history", before_id: id(61), limit: 60 });
    await slow.catchUp();
    await sayLong(1);
    expect(slow.revs).toEqual(upTo(1, 61));
  });

  test("that is slow while everybody misses too much is shown the room once it has read", async () => {
    const [slow, ann] = [await inRoom(1, { reads: false }), await inRoom(2)];
    await sayLong(80);
    const before = slow.texts.length;
    const held = world.hold("deliver");
    for (let n = 0; n < 600; n++) world.room(ROOM).room.act(send(doer(9), LONG));
    await held.release();
    await world.pass(1_000);
    expect(ann.last("history").rev).toBe(680);
    expect(slow.texts.length).toBe(before);
    await slow.catchUp();
    await sayLong(1);
    for (const person of [slow, ann]) {
      expect(person.last("history").rev).toBe(680);
      expect(person.of("message").at(-1)?.rev).toBe(681);
      expect(person.closed).toBeNull();
    }
  });

  test("that asks for more and more without reading is closed at 1 MiB", async () => {
    await sayLong(60);
    const slow = await inRoom(1, { reads: false });
    for (let n = 0; n < 5 && !slow.closed; n++) await slow.say({ type: "history", before_id: id(61), limit: 60 });
    expect(slow.closed).toMatchObject({ code: CHAT_CLOSE.tooSlow });
    expect(bytes(slow)).toBeLessThan(1_400 * KIB);
  });

  test("is not closed because there is a lot to catch up on", async () => {
    const ann = await inRoom(2);
    await sayLong(400);
    for (const batch of [true, false]) {
      const ben = await gateway.connect(userOf(1), { batch });
      await ben.say({ type: "resume", channel_id: ROOM, rev: 0 });
      await world.pass(1_000);
      expect(ben.closed).toBeNull();
      await sayLong(1);
      expect(ben.revs.at(-1)).toBe(ann.revs.at(-1));
      const shown = ben.of("history").at(-1)?.rev ?? 0;
      const changes = ben.frames.filter(isChange).filter(({ rev }) => rev > shown);
      expect(changes.map(({ rev }) => rev)).toEqual(upTo(shown + 1, ann.revs.at(-1) ?? 0));
    }
  });
});

describe("a reader of single frames", () => {
  /** 64 KiB each: longer than people may write, and much sooner much. */
  const sayLonger = async (count: number): Promise<void> => {
    const text = "x".repeat(64 * KIB);
    for (let n = 0; n < count; n++) {
      world.room(ROOM).room.act(send(doer(9), text));
      await settled();
    }
  };
  const received = (person: ChatPerson) => person.texts.filter((text) => text.startsWith('{"type":"message"')).length;

  test("that never says anything is closed after 8 MiB", async () => {
    const [silent, ann] = [await inRoom(1, { batch: false }), await inRoom(2, { batch: false })];
    ann.pinged = world.now + 1;
    await sayLonger(140);
    expect(silent.closed).toMatchObject({ code: CHAT_CLOSE.tooSlow });
    expect(bytes(silent)).toBeGreaterThan(8 * 1024 * KIB);
    expect(bytes(silent)).toBeLessThan(8 * 1024 * KIB + 66 * KIB);
    expect([ann.closed, received(ann)]).toEqual([null, 140]);
  });

  test("is not closed when it pings now and then, which wakes nobody, nor when it says something", async () => {
    const [pinging, talking] = [await inRoom(1, { batch: false }), await inRoom(2, { batch: false })];
    for (let n = 0; n < 3; n++) {
      await sayLonger(80);
      await world.pass(1_000);
      pinging.pinged = world.now;
      await talking.say({ type: "typing" });
    }
    for (const person of [pinging, talking]) expect([person.closed, received(person)]).toEqual([null, 240]);
  });

  test("is never asked whether it has read", async () => {
    const ann = await inRoom(1, { batch: false });
    await sayLong(100);
    expect(ann.texts.join()).not.toContain('"sync"');
  });
});

test("whoever was closed for being slow is gone for the others, even when their end never confirms it", async () => {
  const [ann, slow] = [await inRoom(2), await inRoom(1, { reads: false })];
  await sayLong(70);
  await world.pass(40_000);
  expect(slow.closed).not.toBeNull();
  await settled();
  expect(ann.of("user_left")).toMatchObject([{ user_id: 1 }]);
  expect(gateway.gateway.seats).toBe(1);
});
