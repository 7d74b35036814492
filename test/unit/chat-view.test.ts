/** One room at a gateway: each change reaches each reader once and in order, in whatever order answers come. */
import { beforeEach, describe, expect, test } from "vitest";
import { BATCH_MS } from "#contract/chat";
import { channelOf, upTo, userOf } from "../harness/chat-cast.ts";
import { type ChatPerson, followed, settled, short, typesOf } from "../harness/chat-person.ts";
import { ChatScene, ROOM } from "../harness/chat-scene.ts";

let scene: ChatScene;
let world: ChatScene["world"];
let gateway: ChatScene["gateway"];

beforeEach(() => {
  scene = new ChatScene();
  ({ world, gateway } = scene);
});

const connect = (user_id: number, batch = false) => scene.connect(user_id, batch);
const inRoom = (user_id: number, batch = false) => scene.inRoom(user_id, batch);
const say = (count = 1) => scene.say(count);
const resume = (person: ChatPerson, rev: number) => scene.resume(person, rev);

describe("a reader of batches", () => {
  test("gets arrays: the first at once, then what gathered in 50 ms", async () => {
    const ann = await inRoom(1, true);
    say();
    await settled();
    expect(ann.takeTexts().map((text) => short(JSON.parse(text)))).toEqual([[1]]);
    say(2);
    await world.pass(BATCH_MS - 1);
    say(1);
    expect(ann.takeTexts()).toEqual([]);
    await world.pass(1);
    expect(ann.takeTexts().map((text) => short(JSON.parse(text)))).toEqual([[2, 3, 4]]);
    await world.pass(BATCH_MS);
    say();
    await settled();
    expect(ann.takeTexts()).toHaveLength(1);
  });

  test("is sent something at most 40 times a second, however much there is", async () => {
    const ann = await inRoom(1, true);
    for (let n = 0; n < 500; n++) {
      say();
      await world.pass(2);
    }
    await world.pass(BATCH_MS);
    expect(ann.takeTexts().length).toBeLessThanOrEqual(1000 / BATCH_MS + 2);
    expect(ann.revs).toEqual(upTo(1, 500));
  });

  test("gets everything in arrays, what is said to it alone too", async () => {
    const ann = await gateway.connect(userOf(1), { batch: true });
    await ann.join(ROOM);
    await ann.say({ type: "typing" });
    await ann.say({ type: "message", message: "" });
    for (const text of ann.texts) expect(JSON.parse(text)).toBeInstanceOf(Array);
    expect(typesOf(ann.frames)).toContain("error");
  });

  test("shares one text with all others", async () => {
    const people = [await inRoom(1, true), await inRoom(2, true)];
    for (const person of people) person.take();
    say(3);
    await world.pass(BATCH_MS);
    const [one, two] = people.map((person) => person.takeTexts());
    expect(one).toEqual(two);
  });

  test("that joins while a batch waits gets nothing twice and misses nothing", async () => {
    const ann = await inRoom(1, true);
    say();
    await settled();
    say(2);
    await settled();
    const ben = await connect(2, true);
    await ben.join(ROOM);
    say(2);
    await world.pass(BATCH_MS);
    expect(ben.last("history").rev).toBe(3);
    expect(followed(ben.take())).toBe(5);
    expect(ann.revs).toEqual(upTo(1, 5));
  });

  test("that resumes while a batch waits neither", async () => {
    await inRoom(1, true);
    say();
    await settled();
    say(3);
    await settled();
    for (const rev of [0, 1, 2, 3, 4]) {
      const ben = await connect(10 + rev, true);
      await resume(ben, rev);
      expect(ben.last("resumed").rev).toBeGreaterThanOrEqual(rev);
      say();
      await settled();
      expect(ben.revs).toEqual(upTo(rev + 1, ben.last("resumed").rev));
      ben.take();
    }
    await world.pass(BATCH_MS);
    for (const person of gateway.people.values()) {
      const [first] = person.revs;
      expect(person.revs).toEqual(upTo(first!, 9));
    }
  });

  test("and readers of single frames see the same, in one room", async () => {
    const [ann, ben] = [await inRoom(1), await inRoom(2, true)];
    ann.take();
    for (let n = 0; n < 20; n++) {
      say(n % 3);
      await world.pass(7);
    }
    await world.pass(BATCH_MS);
    expect(ann.revs).toEqual(upTo(1, 19));
    expect(ben.revs).toEqual(ann.revs);
  });

  test("finds nothing missing when the others who read batches left while one waited", async () => {
    const [ann, ben] = [await inRoom(1, true), await inRoom(2)];
    say();
    await settled();
    say();
    await settled();
    await ann.leave();
    say();
    const cleo = await connect(3, true);
    await resume(cleo, 1);
    say();
    await world.pass(BATCH_MS);
    expect(cleo.revs).toEqual([2, 3, 4]);
    expect(ben.revs).toEqual(upTo(1, 4));
  });
});

describe("what is told of the channel itself", () => {
  test.each([false, true])("comes before each one's own view of it (batches: %s)", async (batch) => {
    const ann = await inRoom(1, batch);
    say();
    await settled();
    world.room(ROOM).room.configure(channelOf(ROOM, { version: 2, topic: "new" }));
    await settled();
    say();
    world.room(ROOM).room.configure(channelOf(ROOM, { version: 3, name: "new-name", topic: "new" }));
    await world.pass(2 * BATCH_MS);
    const frames = ann.take();
    const types = ["message", "channel_updated", "channel_info", "message", "channel_renamed", "channel_info"];
    expect(typesOf(frames)).toEqual(types);
    expect(frames.map((frame) => ("rev" in frame ? frame.rev : null))).toEqual([1, 2, 2, 3, 4, 4]);
    expect(ann.last("channel_info")).toMatchObject({ name: "new-name", topic: "new" });
  });

  test("a stream that goes live is told, and no view of the channel with it", async () => {
    const ann = await inRoom(1);
    const stream = { id: 5, title: "A stream", public_key: "pub_5", user_id: 1, is_public: true };
    const config = { ...stream, allow_unauthenticated: true, is_live: 0 as const, live_version: 1 };
    world.room(ROOM).room.configure(channelOf(ROOM, { version: 2, stream: config }));
    await settled();
    ann.take();
    world.room(ROOM).room.streamStatus(5, 1, 2);
    await settled();
    expect(ann.take()).toMatchObject([{ type: "stream_status", is_live: 1 }]);
    await ann.join(ROOM);
    expect(ann.last("channel_info").stream_is_live).toBe(1);
  });
});

describe.each([false, true])("answers in any order (batches: %s)", (batch) => {
  test("changes overtake what a join shows", async () => {
    await inRoom(1, batch);
    const held = world.holdAnswer("visit");
    const ben = await connect(2, batch);
    await ben.join(ROOM);
    say(3);
    await settled();
    expect(ben.take()).toEqual([]);
    await held.release();
    await world.pass(BATCH_MS);
    expect(ben.last("history").rev).toBe(0);
    expect(followed(ben.take())).toBe(3);
  });

  test("what a join shows overtakes changes", async () => {
    const ann = await inRoom(1, batch);
    const held = world.hold("deliver");
    say(3);
    const ben = await connect(2, batch);
    await ben.join(ROOM);
    expect(ben.last("history").rev).toBe(3);
    await world.pass(BATCH_MS);
    expect(ann.revs).toEqual([1, 2, 3]);
    say(1);
    await held.release();
    await world.pass(BATCH_MS);
    expect(followed(ben.take())).toBe(4);
    expect(ann.revs).toEqual(upTo(1, 4));
  });

  test("changes come before the answer to the very first join", async () => {
    const held = world.holdAnswer("visit");
    const ann = await connect(1, batch);
    await ann.join(ROOM);
    say(2);
    await settled();
    await held.release();
    await world.pass(BATCH_MS);
    expect(followed(ann.take())).toBe(2);
  });

  test("the join of one who is there already, while changes come", async () => {
    const ann = await inRoom(1, batch);
    say(2);
    const held = world.holdAnswer("visit");
    await ann.join(ROOM);
    say(2);
    await settled();
    ann.take();
    await held.release();
    say(2);
    await world.pass(BATCH_MS);
    expect(ann.last("history").rev).toBe(2);
    expect(followed(ann.take())).toBe(6);
  });

  test("somebody who left before the answer gets nothing any more", async () => {
    const held = world.holdAnswer("visit");
    const ann = await connect(1, batch);
    await ann.join(ROOM);
    await ann.leave();
    await held.release();
    expect(ann.take()).toEqual([]);
    expect(world.room(ROOM).store.exec("SELECT * FROM subscribers")).toEqual([]);
  });

  test("somebody who went elsewhere before the answer gets nothing of it, and nothing of the room", async () => {
    world.channels.set(8, channelOf(8));
    await inRoom(1, batch);
    const held = world.holdAnswer("visit");
    const ben = await connect(2, batch);
    await ben.join(ROOM);
    await ben.join(8);
    await held.release();
    say();
    await world.pass(BATCH_MS);
    expect(ben.of("history").map(({ channel_id }) => channel_id)).toEqual([8]);
    expect(ben.revs).toEqual([]);
  });

  test("somebody who left before D1 had answered never was there", async () => {
    const held = world.holdAnswer("open");
    const ann = await connect(1, batch);
    await ann.join(ROOM);
    await ann.leave();
    await held.release();
    expect(world.visits).toEqual([]);
    expect(gateway.gateway.seats).toBe(0);
  });

  test("somebody who left before the room was even asked leaves no subscription behind", async () => {
    const held = world.hold("visit");
    const ann = await connect(1, batch);
    await ann.join(ROOM);
    await ann.leave();
    await held.release();
    expect(world.room(ROOM).store.exec("SELECT * FROM subscribers")).toEqual([]);
  });

  test("a visit whose answer is lost is made again, and nobody is there twice", async () => {
    world.loseAnswer("visit");
    const ann = await connect(1, batch);
    await ann.join(ROOM);
    say(2);
    await world.pass(50 + BATCH_MS);
    expect(ann.last("users")).toMatchObject({ total: 1 });
    expect(followed(ann.take())).toBe(2);
  });

  test("a delivery that comes again, or late, adds nothing", async () => {
    const ann = await inRoom(1, batch);
    world.loseAnswer("deliver", 2);
    say(2);
    await world.pass(60);
    say(2);
    await world.pass(10_000);
    expect(ann.revs).toEqual(upTo(1, 4));
  });
});
