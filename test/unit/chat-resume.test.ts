/** Coming back: all that was missed, once and in order, or what a join shows when it is too long ago. */
import { beforeEach, describe, expect, test } from "vitest";
import { BATCH_MS } from "#contract/chat";
import { actionsOf, channelOf, doer, streamOf, upTo } from "../harness/chat-cast.ts";
import { type ChatPerson, followed, settled, short, typesOf } from "../harness/chat-person.ts";
import { ChatScene, ROOM } from "../harness/chat-scene.ts";

const ANN = doer(1);

let scene: ChatScene;
let world: ChatScene["world"];

beforeEach(() => {
  scene = new ChatScene();
  ({ world } = scene);
});

const connect = (user_id: number, batch = false) => scene.connect(user_id, batch);
const inRoom = (user_id: number, batch = false) => scene.inRoom(user_id, batch);
const say = (count = 1) => scene.say(count);
const resume = (person: ChatPerson, rev: number) => scene.resume(person, rev);

describe.each([false, true])("a resume (batches: %s)", (batch) => {
  test("gives what was missed from what the gateway keeps, closed by `resumed`", async () => {
    await inRoom(1);
    say(5);
    await settled();
    const visits = world.visits.length;
    const ben = await connect(2, batch);
    await resume(ben, 3);
    expect(short(ben.take())).toEqual([4, 5, "channel_info", "resumed"]);
    expect(ben.last("resumed")).toEqual({ type: "resumed", channel_id: ROOM, rev: 5 });
    // The room is told who came, and asked for nothing.
    expect(world.visits.slice(visits)).toMatchObject([{ since: 5, snapshot: false, entered: [{ user_id: 2 }] }]);
    say();
    await world.pass(BATCH_MS);
    expect(ben.revs).toEqual([4, 5, 6]);
  });

  test("gives what was missed from the room, when the gateway does not have it", async () => {
    say(10);
    const ann = await connect(1, batch);
    await resume(ann, 6);
    expect(short(ann.take())).toEqual([7, 8, 9, 10, "channel_info", "resumed"]);
    const ben = await connect(2, batch);
    await resume(ben, 2);
    expect(short(ben.take())).toEqual([...upTo(3, 10), "channel_info", "resumed"]);
  });

  test("of one who has everything says just that", async () => {
    say(3);
    const ann = await connect(1, batch);
    await resume(ann, 3);
    expect(short(ann.take())).toEqual(["channel_info", "resumed"]);
    await resume(ann, 3);
    expect(short(ann.take())).toEqual(["channel_info", "resumed"]);
  });

  test("from too long ago gives what a join shows, also to one who was there all the time", async () => {
    say(501);
    const ann = await connect(1, batch);
    await resume(ann, 0);
    const all = ["channel_info", "history", "users", "resumed"];
    expect(typesOf(ann.take())).toEqual(all);
    say();
    await world.pass(1_000);
    ann.take();
    await resume(ann, 1);
    expect(typesOf(ann.take())).toEqual(all);
    say();
    await world.pass(BATCH_MS);
    expect(ann.take()).toMatchObject([{ type: "message", rev: 503 }]);
  });

  test("from a change that there never was gives what a join shows", async () => {
    say(3);
    const ann = await connect(1, batch);
    await resume(ann, 99);
    const frames = ann.take();
    expect(typesOf(frames)).toEqual(["channel_info", "history", "users", "resumed"]);
    say();
    await world.pass(BATCH_MS);
    expect(followed([...frames, ...ann.take()])).toBe(4);
  });

  test("and a join at the same time are served by one visit", async () => {
    say(4);
    const held = world.hold("visit");
    const [ann, ben, cleo] = [await connect(1, batch), await connect(2, batch), await connect(3, batch)];
    await ann.join(ROOM);
    await resume(ben, 2);
    await cleo.join(ROOM);
    const before = world.visits.length;
    await held.release();
    expect(world.visits.length - before).toBe(1);
    expect(short(ben.take()).slice(0, 4)).toEqual([3, 4, "channel_info", "resumed"]);
    expect(cleo.last("history").rev).toBe(4);
  });

  test("while more than the gateway keeps comes in goes on until it has everything", async () => {
    await inRoom(1);
    say(10);
    await settled();
    const held = world.holdAnswer("visit");
    const ben = await connect(2, batch);
    await ben.join(ROOM);
    for (let n = 0; n < 60; n++) {
      say(10);
      await settled();
    }
    await held.release();
    await world.pass(1_000);
    say();
    await world.pass(BATCH_MS);
    expect(followed(ben.take())).toBe(611);
  });

  test("by the key of another channel opens neither", async () => {
    const stream = streamOf();
    world.channels.set(8, channelOf(8, { stream }));
    const ann = await connect(1, batch);
    await ann.say({ type: "resume", channel_id: ROOM, rev: 0, stream_key: stream.public_key });
    expect(ann.take()).toMatchObject([{ type: "error", error_code: "not_found" }]);
    await ann.say({ type: "message", message: "where am I?" });
    expect(ann.take()).toMatchObject([{ type: "error", error_code: "not_joined" }]);
  });

  test("leaves the channel one was in", async () => {
    world.channels.set(8, channelOf(8));
    world.room(8).room.configure(channelOf(8));
    const ann = await connect(1, batch);
    await ann.join(8);
    await resume(ann, 0);
    world.room(8).room.act(actionsOf(8).send(ANN, "elsewhere"));
    say();
    await world.pass(BATCH_MS);
    expect(ann.of("message").map(({ channel_id }) => channel_id)).toEqual([ROOM]);
  });
});

test("a gateway that is told that it missed too much shows everybody the room anew", async () => {
  const [ann, ben] = [await inRoom(1), await inRoom(2, true)];
  const held = world.hold("deliver");
  say(600);
  await held.release();
  await world.pass(1_000);
  say();
  await world.pass(BATCH_MS);
  for (const person of [ann, ben]) {
    const frames = person.take();
    expect(typesOf(frames)).toContain("channel_info");
    expect(followed(frames.filter(({ type }, n) => type !== "message" || n > 1))).toBe(601);
  }
});
