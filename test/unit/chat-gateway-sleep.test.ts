/** Gateways that leave memory: asleep with their sockets, or lost with them; and leases of both sides. */
import { beforeEach, describe, expect, test } from "vitest";
import { BATCH_MS } from "#contract/chat";
import { ROOM_LEASE_MS } from "../../durable-objects/chat/room.ts";
import { actionsOf, channelOf, doer, guestOf, streamOf, upTo, userOf } from "../harness/chat-cast.ts";
import { type ChatPerson, settled, typesOf } from "../harness/chat-person.ts";
import { ChatWorld, type GatewayHost } from "../harness/chat-world.ts";

const ROOM = 7;
const MINUTE = 60_000;
const { send } = actionsOf(ROOM);

let world: ChatWorld;
let gateway: GatewayHost;

beforeEach(() => {
  world = new ChatWorld();
  world.channels.set(ROOM, channelOf(ROOM, { stream: streamOf() }));
  world.room(ROOM).room.configure(channelOf(ROOM, { stream: streamOf() }));
  gateway = world.gateway();
});

const inRoom = async (user_id: number, { batch = false, at = gateway } = {}): Promise<ChatPerson> => {
  const person = await at.connect(userOf(user_id), { batch });
  await person.join(ROOM);
  return person;
};
const say = (count = 1) => {
  for (let n = 0; n < count; n++) world.room(ROOM).room.act(send(doer(9), "hi"));
};
const subscribers = () => world.room(ROOM).store.exec<{ gateway: string; epoch: number }>("SELECT * FROM subscribers");
/** It sleeps only when nothing is under way any more. */
const quiet = () => world.pass(10_000);

describe("a gateway that sleeps", () => {
  test("goes on where it was: nothing lost, nothing twice, under the same epoch, and the room hears of nothing", async () => {
    const guest = await gateway.connect(guestOf());
    await guest.join(ROOM);
    const people = [guest, await inRoom(1), await inRoom(2, { batch: true })];
    say(3);
    await quiet();
    const [before] = subscribers();
    const visits = world.visits.length;
    await gateway.sleep();
    say(2);
    await quiet();
    await gateway.sleep();
    say(1);
    await world.pass(BATCH_MS);
    for (const person of people) expect(person.revs).toEqual(upTo(1, 6));
    expect(subscribers()).toEqual([before]);
    expect(world.visits.length).toBe(visits);
  });

  test("also right after somebody joined, came back, or was slow", async () => {
    say(5);
    const ann = await inRoom(1, { batch: true });
    await quiet();
    await gateway.sleep();
    const ben = await gateway.connect(userOf(2));
    await ben.say({ type: "resume", channel_id: ROOM, rev: 2 });
    await quiet();
    await gateway.sleep();
    say(2);
    await world.pass(BATCH_MS);
    expect(ben.revs).toEqual(upTo(3, 7));
    expect(ann.revs).toEqual(upTo(6, 7));
  });

  test("knows where each one is, what they may do there, and who they are", async () => {
    world.moderators.add(3);
    const [ann, moderator] = [await inRoom(1), await inRoom(3)];
    const guest = await gateway.connect(guestOf());
    await guest.join(ROOM);
    const nowhere = await gateway.connect(userOf(4));
    await quiet();
    await gateway.sleep();
    await ann.say({ type: "message", message: "hi" });
    const message_id = ann.last("message").id;
    await ann.say({ type: "pin_message", message_id });
    expect(ann.last("error").error_code).toBe("forbidden");
    await moderator.say({ type: "pin_message", message_id });
    expect(ann.last("message_pinned")).toMatchObject({ pinned_by: 3 });
    await guest.say({ type: "message", message: "hi" });
    expect(guest.last("error").error_code).toBe("unauthenticated");
    await nowhere.say({ type: "message", message: "hi" });
    expect(nowhere.last("error").error_code).toBe("not_joined");
  });

  test("still counts sockets, and misses nobody who leaves", async () => {
    const [ann, ben] = [await inRoom(1), await inRoom(2)];
    for (let n = 0; n < 9; n++) await gateway.connect(userOf(1));
    await quiet();
    await gateway.sleep();
    expect(gateway.gateway.full(userOf(1))).toBe("user");
    await ann.leave();
    expect(gateway.gateway.full(userOf(1))).toBeNull();
    expect(ben.last("user_left")).toMatchObject({ user_id: 1 });
    await ben.leave();
    expect(subscribers()).toEqual([]);
  });

  test("finds that a socket was closed meanwhile, and says goodbye when it was the last", async () => {
    const ann = await inRoom(1);
    await quiet();
    ann.closed = { code: 1006, reason: "" };
    await gateway.sleep();
    expect(subscribers()).toEqual([]);
    expect(gateway.store.exec("SELECT * FROM rooms")).toEqual([]);
  });

  test("sends people back who are in a room of which it can read nothing any more", async () => {
    const ann = await inRoom(1);
    await quiet();
    gateway.store.exec("UPDATE rooms SET config = '{}'");
    await gateway.sleep();
    await world.pass(0);
    expect(ann.closed).toMatchObject({ code: 1012 });
  });

  test("can resume somebody from the room when it has nothing itself", async () => {
    await inRoom(1);
    say(4);
    await quiet();
    await gateway.sleep();
    const ben = await gateway.connect(userOf(2));
    await ben.say({ type: "resume", channel_id: ROOM, rev: 1 });
    expect(ben.revs).toEqual([2, 3, 4]);
    expect(ben.last("resumed").rev).toBe(4);
  });

  test("is woken by its alarm to renew its lease, and nobody notices", async () => {
    const ann = await inRoom(1);
    for (let n = 0; n < 5; n++) {
      await quiet();
      await gateway.sleep();
      await world.pass(8 * MINUTE);
      say();
      await settled();
    }
    expect(ann.revs).toEqual(upTo(1, 5));
    expect(typesOf(ann.take()).filter((type) => type === "user_left")).toEqual([]);
  });

  test("and the room with it, each as often as it likes", async () => {
    const people = [await inRoom(1), await inRoom(2, { batch: true, at: world.gateway("us:0") })];
    for (let n = 0; n < 5; n++) {
      say(2);
      await quiet();
      await gateway.sleep();
      world.room(ROOM).restart();
      await world.gateway("us:0").sleep();
    }
    for (const person of people) expect(person.revs).toEqual(upTo(1, 10));
  });
});

describe("a gateway that is lost with its sockets", () => {
  test("ends its subscriptions, and the others are told who is gone", async () => {
    const ben = await inRoom(2, { at: world.gateway("us:0") });
    await inRoom(1);
    await quiet();
    await gateway.crash();
    expect(subscribers().map((each) => each.gateway)).toEqual(["us:0"]);
    expect(ben.last("user_left")).toMatchObject({ user_id: 1 });
  });

  test("takes people back under a new epoch, who resume without a gap", async () => {
    const ann = await inRoom(1);
    say(2);
    await quiet();
    const [before] = subscribers();
    await gateway.crash();
    say(2);
    const again = await gateway.connect(userOf(1));
    await again.say({ type: "resume", channel_id: ROOM, rev: ann.revs.at(-1)! });
    say();
    await settled();
    expect([...ann.revs, ...again.revs]).toEqual(upTo(1, 5));
    expect(subscribers()[0]?.epoch).toBeGreaterThan(before!.epoch);
  });

  test("ends them at once, too, when they were only just made", async () => {
    await inRoom(1);
    await gateway.crash();
    expect(subscribers()).toEqual([]);
  });

  test("before it could keep anything is not waited for: its next delivery ends the subscription", async () => {
    const held = world.holdAnswer("visit");
    await inRoom(1);
    expect(subscribers()).toHaveLength(1);
    await gateway.crash();
    await held.release();
    say();
    await settled();
    expect(subscribers()).toEqual([]);
  });

  test("or only asleep: what it keeps of a room is that of its newest subscription", async () => {
    const held = world.hold("visit");
    const first = await inRoom(1);
    await first.leave();
    const ann = await inRoom(1);
    await quiet();
    world.away.add(String(ROOM));
    await held.release();
    world.away.clear();
    await gateway.sleep();
    say();
    await settled();
    expect(ann.revs).toEqual([1]);
  });

  test("whose late goodbye comes after a new join ends nothing", async () => {
    await inRoom(1);
    await quiet();
    const held = world.hold("visit");
    await gateway.crash();
    const ann = await inRoom(1);
    await held.release();
    say();
    await settled();
    expect(ann.revs).toEqual([1]);
    expect(subscribers()).toHaveLength(1);
  });
});

describe("a lease", () => {
  const lease = () => world.room(ROOM).store.exec<{ lease_until: number }>("SELECT lease_until FROM subscribers")[0];

  test("is renewed when half of it is left", async () => {
    await inRoom(1);
    const joined = world.now;
    await world.pass(ROOM_LEASE_MS / 2 - 1);
    expect(lease()?.lease_until).toBe(joined + ROOM_LEASE_MS);
    await world.pass(1);
    expect(lease()?.lease_until).toBe(world.now + ROOM_LEASE_MS);
  });

  test("is renewed though the room did not answer for some minutes, and nobody leaves", async () => {
    const [ann, ben] = [await inRoom(1), await inRoom(2, { at: world.gateway("us:0") })];
    await world.pass(4 * MINUTE);
    world.away.add(String(ROOM));
    await world.pass(4 * MINUTE);
    world.away.clear();
    await world.pass(10 * MINUTE);
    say();
    await settled();
    for (const person of [ann, ben]) {
      expect(person.revs).toEqual([1]);
      expect(person.of("user_left")).toEqual([]);
      expect(person.last("users").total).toBe(2);
    }
  });

  test("that ran out is taken anew, with everybody who is there, and what they missed", async () => {
    const ben = await inRoom(2, { at: world.gateway("us:0") });
    const ann = await inRoom(1);
    const guest = await gateway.connect(guestOf());
    await guest.join(ROOM);
    await world.pass(1_000);
    expect(ben.last("users")).toMatchObject({ total: 2, guests: 1 });
    // It is cut off from the room, and the room from it.
    world.lose("visit", 10_000);
    await world.pass(11 * MINUTE);
    expect(subscribers()).toEqual([]);
    say(2);
    world.mend();
    await world.pass(10_000);
    expect(ann.revs).toEqual([1, 2]);
    expect(guest.revs).toEqual([1, 2]);
    expect(ann.last("users")).toMatchObject({ total: 2, guests: 1 });
    await inRoom(3);
    expect(ann.last("user_joined")).toMatchObject({ user_id: 3 });
    await world.pass(1_000);
    expect(ann.last("users")).toMatchObject({ total: 3, guests: 1 });
  });
});

test("what a gateway keeps says nothing of what was written", async () => {
  const ann = await inRoom(1);
  await ann.say({ type: "message", message: "margaret at the lighthouse" });
  await quiet();
  const kept = JSON.stringify([
    ...gateway.store.exec("SELECT * FROM rooms"),
    ...[...gateway.people.values()].map(({ memory }) => memory),
  ]);
  expect(kept).toContain("channel7");
  expect(kept).not.toMatch(/margaret|lighthouse/);
});
