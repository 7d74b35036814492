/** What a room does by itself, later: it ends leases, tells D1 how far it is, and forgets. */
import { beforeEach, describe, expect, test } from "vitest";
import { RETENTION_MS } from "#contract/chat";
import type { RoomAction } from "#contract/chat-rpc";
import { ROOM_LEASE_MS } from "../../durable-objects/chat/room.ts";
import { actionsOf, channelOf, chatUserOf, doer } from "../harness/chat-cast.ts";
import { ChatListener } from "../harness/chat-listener.ts";
import { ChatWorld, type RoomHost } from "../harness/chat-world.ts";

const ROOM = 7;
const { id, send, pin, unpin } = actionsOf(ROOM);
const ANN = doer(1);
const MOD = doer(3, "moderator");

let world: ChatWorld;
let host: RoomHost;
let ear: ChatListener;

beforeEach(async () => {
  world = new ChatWorld();
  host = world.room(ROOM);
  host.room.configure(channelOf(ROOM));
  ear = new ChatListener(world, ROOM);
  await ear.visited();
});

const act = (action: RoomAction) => {
  const reply = host.room.act(action);
  if (!reply.ok) throw new Error(`${action.kind} was refused: ${reply.code}`);
};
const say = (count = 1) => {
  for (let n = 0; n < count; n++) act(send(ANN, "hi"));
};
describe("the alarm", () => {
  test("is set for what is to come first, and is none in a room where nothing is", () => {
    expect(host.alarmAt).toBe(world.now + ROOM_LEASE_MS);
    expect(world.room(8).alarmAt).toBeNull();
    say();
    expect(host.alarmAt).toBe(world.now + 1_000);
  });

  test("ends a lease when it is over, and not before: each visit begins it anew", async () => {
    await world.pass(ROOM_LEASE_MS - 1);
    const { lease_until } = await ear.visited();
    expect(lease_until).toBe(world.now + ROOM_LEASE_MS);
    await world.pass(ROOM_LEASE_MS - 1);
    expect(host.store.exec("SELECT * FROM subscribers")).toHaveLength(1);
    await world.pass(1);
    expect(host.store.exec("SELECT * FROM subscribers")).toEqual([]);
    expect(host.alarmAt).toBeNull();
  });

  test("tells D1 the newest message's number, at most every 10 s", async () => {
    say();
    await world.pass(9_999);
    expect(host.projected).toEqual([]);
    await world.pass(1);
    expect(host.projected).toEqual([1]);
    for (let n = 0; n < 45; n++) {
      say();
      await world.pass(500);
    }
    expect(host.projected).toEqual([1, 21, 41]);
    await world.pass(30_000);
    expect(host.projected).toEqual([1, 21, 41, 46]);
  });

  test("tells it soon after a quiet time, and nothing when there is nothing new", async () => {
    say();
    await world.pass(60_000);
    say();
    await world.pass(1);
    expect(host.projected).toEqual([1, 2]);
    act(actionsOf(ROOM).react(ANN, id(1), "👍"));
    await world.pass(60_000);
    host.restart();
    await host.room.alarm();
    expect(host.projected).toEqual([1, 2]);
  });

  test("tries D1 again 10 s after it failed", async () => {
    world.lose("project", 2);
    say();
    await world.pass(29_999);
    expect([host.projected, world.called("project").length]).toEqual([[], 2]);
    await world.pass(1);
    expect(host.projected).toEqual([1]);
    expect(world.failures).toEqual(Array(2).fill("the newest message's number was not written to the database"));
  });

  test("tells D1 after a restart what it could not tell before", async () => {
    say(2);
    host.restart();
    say();
    await world.pass(10_000);
    expect(host.projected).toEqual([3]);
  });
});

describe("after 7 days", () => {
  const left = () => {
    const reply = ear.visit({ snapshot: true });
    return reply.ok ? reply.snapshot?.history.map(({ message }) => message.id) : null;
  };

  test("a message goes, to the millisecond, and nobody is told", async () => {
    say();
    await world.pass(1_000);
    say();
    await world.pass(RETENTION_MS - 1_001);
    expect(left()).toEqual([id(1), id(2)]);
    ear.forget();
    await world.pass(1);
    expect(left()).toEqual([id(2)]);
    await world.pass(1_000);
    expect(left()).toEqual([]);
    expect(ear.updates).toEqual([]);
    expect(host.room.rev).toBe(2);
  });

  test("with its reactions; a pinned one stays until it is unpinned", async () => {
    say(2);
    act(actionsOf(ROOM).react(ANN, id(2), "👍"));
    act(pin(MOD, id(1)));
    await world.pass(RETENTION_MS * 3);
    expect(left()).toEqual([id(1)]);
    expect(host.store.exec("SELECT * FROM reactions")).toEqual([]);
    act(unpin(MOD, id(1)));
    await world.pass(1);
    expect(left()).toEqual([]);
  });

  test("however many there are", async () => {
    say(1_300);
    act(pin(MOD, id(600)));
    await world.pass(RETENTION_MS);
    expect(left()).toEqual([id(600)]);
  });

  test("also when the room was restarted, and when nobody is there", async () => {
    say(3);
    ear.visit({ bye: true });
    await world.pass(60_000);
    host.restart();
    expect(host.alarmAt).toBe(world.now - 60_000 + RETENTION_MS);
    await world.pass(RETENTION_MS);
    expect(host.store.exec("SELECT * FROM messages")).toEqual([]);
  });
});

test("a subscription is kept with who is on it", async () => {
  await ear.visited({ entered: [chatUserOf(1)], guests: 2 });
  host.restart();
  const reply = await ear.visited({ snapshot: true, guests: 2 });
  expect(reply.snapshot).toMatchObject({ total: 1, guests: 2 });
});
