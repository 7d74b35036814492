/** Who is in a room, by gateway, and what the others are told of it. */
import { beforeEach, describe, expect, test } from "vitest";
import { USERS_SHOWN } from "#contract/chat";
import type { ServerFrame } from "#contract/chat-frames";
import { channelOf, chatUserOf, HIDDEN, profileOf } from "../harness/chat-cast.ts";
import { ChatListener } from "../harness/chat-listener.ts";
import { ChatWorld, type RoomHost } from "../harness/chat-world.ts";

const ROOM = 7;
type Users = Extract<ServerFrame, { type: "users" }>;

let world: ChatWorld;
let host: RoomHost;
let ear: ChatListener;
let other: ChatListener;

beforeEach(() => {
  world = new ChatWorld();
  host = world.room(ROOM);
  host.room.configure(channelOf(ROOM));
  ear = new ChatListener(world, ROOM);
  other = new ChatListener(world, ROOM, "us:0");
});

/** What this one was told since the last time, shortly. */
const heard = async (ms = 0, by = ear) => {
  await world.pass(ms);
  const { news } = by;
  by.forget();
  return news.map((frame) => {
    if (frame.type === "users") return `${frame.users.length} of ${frame.total} and ${frame.guests}`;
    return "user_id" in frame ? `${frame.type} ${frame.user_id}` : frame.type;
  });
};
const enter = (...ids: number[]) => ids.map((id) => chatUserOf(id));
const manyFrom = (first: number, count: number) => enter(...Array.from({ length: count }, (_, n) => first + n));

describe("who comes and goes", () => {
  test("is told to everybody at once, and a new list a second later, once for all of that second", async () => {
    await ear.visited();
    await other.visited();
    await other.visited({ entered: enter(1, 2) });
    await ear.visited({ entered: enter(3) });
    await other.visited({ left: [1] });
    const news = ["user_joined 1", "user_joined 2", "user_joined 3", "user_left 1"];
    expect(await heard(999)).toEqual(news);
    expect(await heard(1)).toEqual(["2 of 2 and 0"]);
    expect(await heard(10_000)).toEqual([]);
    expect(await heard(0, other)).toEqual([...news, "2 of 2 and 0"]);
  });

  test("comes with what the contract says", async () => {
    await ear.visited();
    await other.visited({ entered: [{ ...chatUserOf(1, { nickname: "One", role: "admin" }), status: "busy" }] });
    await other.visited({ left: [1] });
    await world.pass(0);
    const where = { channel_id: ROOM, rev: 0 };
    expect(ear.news).toEqual([
      { type: "user_joined", ...where, user_id: 1, username: "user1", role: "admin", anonymous: false },
      { type: "user_left", ...where, user_id: 1, username: "user1" },
    ]);
  });

  test("first, with their gateway, is told to the others: it is in what they are shown themselves", async () => {
    await ear.visited();
    const reply = await other.visited({ snapshot: true, entered: enter(1) });
    expect(reply.snapshot?.users).toMatchObject([{ user_id: 1 }]);
    expect(await heard()).toEqual(["user_joined 1"]);
    expect(await heard(0, other)).toEqual([]);
  });

  test("on a second gateway is not new, and leaves with the last one", async () => {
    await ear.visited({ entered: enter(1) });
    await other.visited({ entered: enter(1) });
    await ear.visited({ left: [1] });
    await world.pass(1_000);
    expect(await heard()).toEqual(["1 of 1 and 0"]);
    await other.visited({ left: [1] });
    expect(await heard(1_000)).toEqual(["user_left 1", "0 of 0 and 0"]);
  });

  test("who is said to come again, or to leave without having been there, is no news", async () => {
    await ear.visited({ entered: enter(1) });
    await heard(1_000);
    await ear.visited({ entered: enter(1), left: [2] });
    expect(await heard(1_000)).toEqual([]);
  });

  test("guests are counted over all gateways, and told once they change", async () => {
    await ear.visited({ guests: 2 });
    await other.visited({ guests: 3 });
    expect(await heard(1_000)).toEqual(["0 of 0 and 5"]);
    await other.visited({ guests: 3 });
    expect(await heard(1_000)).toEqual([]);
    await other.visited({ guests: 0 });
    expect(await heard(1_000)).toEqual(["0 of 0 and 2"]);
  });
});

describe("a gateway", () => {
  beforeEach(async () => {
    await ear.visited({ entered: enter(1) });
    await other.visited({ entered: enter(1, 2), guests: 3 });
    await heard(1_000);
    await heard(0, other);
  });

  test("that says goodbye takes those with it who are nowhere else", async () => {
    await other.visited({ bye: true });
    expect(await heard(1_000)).toEqual(["user_left 2", "1 of 1 and 0"]);
    expect(await heard(1_000, other)).toEqual([]);
  });

  test("that vanished is gone when its lease ends", async () => {
    await world.pass(9 * 60_000);
    await ear.visited();
    expect(await heard(59_000 - 1_000)).toEqual([]);
    expect(await heard(2_000)).toEqual(["user_left 2", "1 of 1 and 0"]);
    expect(await heard(1_000, other)).toEqual([]);
    expect(host.store.exec("SELECT gateway FROM subscribers")).toEqual([{ gateway: "eu:0" }]);
  });

  test("that does not know its subscription any more is gone at once", async () => {
    other.answer = () => ({ gone: true });
    host.room.typing(profileOf(1));
    await world.pass(0);
    expect(await heard(1_000)).toEqual(["typing 1", "user_left 2", "1 of 1 and 0"]);
  });

  test("that comes back under a new epoch has only those whom it brings", async () => {
    other.epoch = 2;
    await other.visited({ entered: enter(4) });
    expect(await heard(1_000)).toEqual(["user_left 2", "user_joined 4", "2 of 2 and 0"]);
  });

  test("whose goodbye of an older epoch comes late stays", async () => {
    other.epoch = 2;
    await other.visited({ entered: enter(2) });
    await heard(1_000);
    await other.visited({ epoch: 1, bye: true });
    expect(await heard(1_000)).toEqual([]);
  });

  test("whose older visit comes late is not believed who is there", async () => {
    const late = { n: 0, left: [2], guests: 9 };
    expect(other.visit(late)).toMatchObject({ ok: true });
    expect(await heard(1_000)).toEqual([]);
  });

  test("whose visit of an older epoch comes late is not believed, either", async () => {
    other.epoch = 2;
    await other.visited({ entered: enter(2) });
    await heard(1_000);
    await other.visited({ epoch: 1, entered: enter(5) });
    expect(await heard(1_000)).toEqual([]);
    expect(host.store.exec("SELECT epoch FROM subscribers WHERE gateway = 'us:0'")).toEqual([{ epoch: 2 }]);
  });

  test("on which there are only guests takes them with it", async () => {
    await other.visited({ left: [1, 2], guests: 3 });
    await heard(1_000);
    await other.visited({ bye: true });
    expect(await heard(1_000)).toEqual(["1 of 1 and 0"]);
  });

  test("is there with everybody after the room was restarted, and nobody who had left", async () => {
    await other.visited({ entered: enter(3), guests: 3 });
    await other.visited({ left: [3], guests: 3 });
    host.restart();
    expect(ear.visit({ snapshot: true })).toMatchObject({
      snapshot: { users: [{ user_id: 1 }, { user_id: 2 }], total: 2, guests: 3 },
    });
  });
});

describe("of many", () => {
  test("up to 200 each is told and listed; above that they are only counted, and later", async () => {
    await ear.visited();
    await ear.visited({ entered: manyFrom(1, USERS_SHOWN) });
    expect(await heard(10_000)).toEqual([
      ...Array.from({ length: USERS_SHOWN }, (_, n) => `user_joined ${n + 1}`),
      "200 of 200 and 0",
    ]);
    await ear.visited({ entered: manyFrom(USERS_SHOWN + 1, 50) });
    expect(await heard(9_999)).toEqual([]);
    expect(await heard(1)).toEqual(["0 of 250 and 0"]);
    await ear.visited({ left: [1] });
    expect(await heard(9_999)).toEqual([]);
    expect(await heard(1)).toEqual(["0 of 249 and 0"]);
  });

  test("a join shows 200, and how many there are", async () => {
    await ear.visited({ entered: manyFrom(1, 230) });
    const reply = await ear.visited({ snapshot: true });
    expect(reply.snapshot?.users).toHaveLength(200);
    expect(reply.snapshot?.total).toBe(230);
  });
});

describe("who is typing", () => {
  const typists = async () => (await heard()).filter((frame) => frame.startsWith("typing"));

  test("is told by name, and of somebody anonymous without it", async () => {
    await ear.visited({ entered: enter(1, 2) });
    host.room.typing(profileOf(1));
    host.room.typing(profileOf(2, HIDDEN));
    expect(await typists()).toEqual(["typing 1", "typing null"]);
  });

  test("is told to nobody when more than 50 read along, guests among them", async () => {
    await ear.visited({ entered: enter(1), guests: 49 });
    host.room.typing(profileOf(1));
    expect(await typists()).toHaveLength(1);
    await ear.visited({ guests: 50 });
    host.room.typing(profileOf(1));
    expect(await typists()).toEqual([]);
  });
});

test("somebody anonymous is in the list without a name, an id or a status message", async () => {
  await ear.visited({ entered: [{ ...chatUserOf(1, HIDDEN), status_message: "I am user 1" }] });
  await world.pass(1_000);
  const { users } = ear.news.find((frame): frame is Users => frame.type === "users")!;
  expect(users).toMatchObject([{ user_id: null, username: "Anonymous", nickname: null, status_message: "" }]);
  expect(JSON.stringify(ear.news)).not.toMatch(/user1|I am|🦊/);
});
