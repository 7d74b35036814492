/** From a room to its gateways, whatever happens on the way; and what a room does by itself, later. */
import { beforeEach, describe, expect, test } from "vitest";
import { RETENTION_MS } from "#contract/chat";
import type { DeliveryReply, RoomAction } from "#contract/chat-rpc";
import { ROOM_LEASE_MS } from "../../durable-objects/chat/room.ts";
import { actionsOf, channelOf, chatUserOf, doer } from "../harness/chat-cast.ts";
import { ChatListener } from "../harness/chat-listener.ts";
import { settled } from "../harness/chat-person.ts";
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
/** Of each delivery: where it begins, and its changes. */
const sent = () => ear.deliveries.map(({ after, updates }) => [after, ...updates.map(({ rev }) => rev)]);
const upTo = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n);

/** The gateway's answers wait until they are given. */
const waiting = () => {
  const answers: ((reply: DeliveryReply) => void)[] = [];
  ear.answer = () => new Promise((resolve) => answers.push(resolve));
  return async (reply: DeliveryReply) => {
    answers.shift()?.(reply);
    await settled();
  };
};

describe("deliveries", () => {
  test("carry each change once and in order", async () => {
    for (let n = 0; n < 3; n++) {
      say();
      await settled();
    }
    expect(sent()).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
    ]);
  });

  test("are made one at a time: what gathers meanwhile goes together with the next", async () => {
    const answer = waiting();
    say(1);
    await settled();
    say(3);
    host.room.typing(ANN.profile);
    await settled();
    expect(sent()).toEqual([[0, 1]]);
    await answer({ have: 1 });
    expect(sent()).toEqual([
      [0, 1],
      [1, 2, 3, 4],
    ]);
    expect(ear.deliveries[1]?.news).toHaveLength(1);
  });

  test("to one that is slow hold up no other", async () => {
    waiting();
    const other = new ChatListener(world, ROOM, "us:0");
    await other.visited();
    say();
    await settled();
    say();
    await settled();
    expect(other.have).toBe(2);
    expect(ear.deliveries).toHaveLength(1);
  });

  test("go on from what the gateway says it has", async () => {
    say(5);
    await settled();
    ear.forget();
    ear.have = 2;
    say();
    await settled();
    expect(sent()).toEqual([
      [5, 6],
      [2, 3, 4, 5, 6],
    ]);
    expect(ear.have).toBe(6);
  });

  test("begin after what the visit told", async () => {
    say(3);
    const late = new ChatListener(world, ROOM, "us:0");
    const { rev } = await late.visited({ snapshot: true });
    say();
    await settled();
    expect(late.deliveries.map(({ after }) => after)).toEqual([rev]);
  });

  test("leave at once what comes at the very moment in which one ends", async () => {
    for (let moment = 0; moment < 30; moment++) {
      say();
      for (let n = 0; n < moment; n++) await null;
      say();
      await settled();
      expect([moment, ear.have]).toEqual([moment, host.room.rev]);
    }
  });

  test("end when the gateway does not know the subscription", async () => {
    ear.answer = () => ({ gone: true });
    say(1);
    await settled();
    say(5);
    await world.pass(60_000);
    expect(ear.deliveries).toHaveLength(1);
    expect(host.store.exec("SELECT * FROM subscribers")).toEqual([]);
  });

  test("of an old epoch that is `gone` end nothing of the new one", async () => {
    const answer = waiting();
    say();
    await settled();
    ear.epoch = 2;
    await ear.visited();
    await answer({ gone: true });
    ear.answer = null;
    say();
    await settled();
    expect(ear.have).toBe(2);
  });

  test("tell a gateway that is more than 500 behind to fetch a snapshot, and go on after it", async () => {
    const answer = waiting();
    say(501);
    await settled();
    await answer({ have: 1 });
    say(501);
    await answer({ have: 501 });
    expect(sent()).toEqual([[0, 1], upTo(1, 501), [1_002]]);
    expect(ear.deliveries.map(({ reset }) => reset)).toEqual([false, false, true]);
    await answer({ have: 1_002 });
    say();
    await settled();
    expect(sent()[3]).toEqual([1_002, 1_003]);
  });
});

describe("a call that fails", () => {
  const failing = () => {
    ear.answer = () => {
      throw new Error("it is away");
    };
  };
  const tries = async (ms: number) => {
    ear.forget();
    await world.pass(ms);
    return ear.deliveries.length;
  };

  test("is made again, later each time, at most every 5 s, until it is answered", async () => {
    failing();
    say();
    const waits = [50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000];
    expect(await tries(0)).toBe(1);
    for (const wait of waits) {
      expect(await tries(wait - 1)).toBe(0);
      expect(await tries(1)).toBe(1);
    }
    ear.answer = null;
    await tries(5_000);
    expect(ear.have).toBe(1);
    expect(await tries(60_000)).toBe(0);
  });

  test("is not made more often because there is more to tell", async () => {
    failing();
    for (let n = 0; n < 100; n++) {
      say();
      host.room.typing(ANN.profile);
      await world.pass(20);
    }
    // 2 s: at 0, 50, 150, 350, 750 and 1,550 ms.
    expect(ear.deliveries).toHaveLength(6);
    expect(await tries(60_000)).toBeLessThanOrEqual(13);
  });

  test("leaves out nothing of what came meanwhile", async () => {
    failing();
    say(3);
    await world.pass(10);
    say(3);
    ear.answer = null;
    ear.forget();
    await world.pass(50);
    expect(sent()).toEqual([[0, 1, 2, 3, 4, 5, 6]]);
  });

  test("begins with short waits again after it was answered once", async () => {
    failing();
    say();
    await world.pass(5_000);
    ear.answer = null;
    await world.pass(5_000);
    failing();
    say();
    expect(await tries(0)).toBe(1);
    expect(await tries(50)).toBe(1);
  });

  test("whose answer was lost tells a gateway nothing twice, which it says", async () => {
    world.loseAnswer("deliver");
    say();
    await world.pass(50);
    expect(sent()).toEqual([
      [0, 1],
      [0, 1],
    ]);
    expect(ear.have).toBe(1);
  });
});

describe("a room that was lost in the middle of a delivery", () => {
  test("is woken within a second, asks what arrived, and sends the rest", async () => {
    const hold = world.hold("deliver");
    say(2);
    await settled();
    host.restart();
    await hold.release();
    ear.forget();
    ear.have = 1;
    await world.pass(1_000);
    expect(sent()).toEqual([[2], [1, 2]]);
    expect(ear.have).toBe(2);
  });

  test("and asks with the next change, when that is sooner", async () => {
    world.lose("deliver");
    say();
    await settled();
    host.restart();
    ear.forget();
    say();
    await settled();
    expect(sent()).toEqual([
      [1, 2],
      [0, 1, 2],
    ]);
  });

  test("asks within a second also when somebody else woke it before", async () => {
    const other = new ChatListener(world, ROOM, "us:0");
    await other.visited();
    world.lose("deliver", 2);
    say();
    await settled();
    host.restart();
    ear.forget();
    await other.visited();
    await world.pass(1_000);
    expect(ear.have).toBe(1);
  });

  test("asks again until it is answered", async () => {
    say();
    host.restart();
    ear.answer = () => {
      throw new Error("it is away");
    };
    await world.pass(20_000);
    ear.answer = null;
    ear.have = 0;
    await world.pass(10_000);
    expect(ear.have).toBe(1);
  });
});

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
