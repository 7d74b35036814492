/** From a room to its gateways, whatever happens on the way. */
import { beforeEach, describe, expect, test } from "vitest";
import type { DeliveryReply, RoomAction } from "#contract/chat-rpc";
import { actionsOf, channelOf, doer, upTo } from "../harness/chat-cast.ts";
import { ChatListener } from "../harness/chat-listener.ts";
import { settled } from "../harness/chat-person.ts";
import { ChatWorld, type RoomHost } from "../harness/chat-world.ts";

const ROOM = 7;
const { send } = actionsOf(ROOM);
const ANN = doer(1);

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
