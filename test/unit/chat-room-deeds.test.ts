/** What moderators do in a room goes to the audit log, whatever happens to the room meanwhile. */
import { beforeEach, expect, test } from "vitest";
import type { RoomAction } from "#contract/chat-rpc";
import { actionsOf, channelOf, doer, HIDDEN } from "../harness/chat-cast.ts";
import { ChatWorld, type RoomHost } from "../harness/chat-world.ts";

const ROOM = 7;
const { id, send, remove, pin, unpin } = actionsOf(ROOM);
const ANN = doer(1);
const MOD = doer(3, "moderator");

let world: ChatWorld;
let host: RoomHost;

beforeEach(() => {
  world = new ChatWorld();
  host = world.room(ROOM);
  host.room.configure(channelOf(ROOM));
});

const act = (...actions: RoomAction[]) => {
  for (const action of actions) expect(host.room.act(action)).toMatchObject({ ok: true });
};
const recorded = () => host.recorded.map(({ action, message_id }) => [action, message_id]);

test("of others' messages what was deleted, and what was pinned and unpinned, by whom, once when asked for again", async () => {
  const at = world.now;
  act(send(ANN, "one"), send(ANN, "two"), send(MOD, "mine"));
  act(remove(ANN, id(1)), remove(MOD, id(3)));
  await world.pass(60_000);
  expect(host.recorded).toEqual([]);
  const gone = remove(MOD, id(2));
  act(pin(MOD, id(2)), unpin(MOD, id(2)), gone, gone);
  expect(host.room.act(pin(ANN, id(2)))).toMatchObject({ ok: false });
  await world.pass(1_000);
  expect(recorded()).toEqual([
    ["pin_message", id(2)],
    ["unpin_message", id(2)],
    ["message_delete", id(2)],
  ]);
  expect(host.recorded.at(-1)).toMatchObject({
    author_id: 1,
    author: "user1",
    channel: "channel7",
    by: { id: 3, name: "user3" },
    at: at + 60_000,
  });
  await world.pass(60_000);
  expect(host.recorded).toHaveLength(3);
});

test("nobody anonymous is named", async () => {
  act(send(doer(2, "member", HIDDEN), "who?"), remove(MOD, id(1)));
  await world.pass(1_000);
  expect(host.recorded).toMatchObject([{ author_id: null }]);
  expect(JSON.stringify(host.recorded)).not.toContain("user2");
});

test("it is tried again when D1 fails, and after a restart; the same one has the same id", async () => {
  act(send(ANN, "one"), pin(MOD, id(1)));
  world.lose("record");
  await world.pass(1_000);
  expect([host.recorded, world.failures]).toEqual([[], ["what moderators did was not written to the audit log"]]);
  world.loseAnswer("record");
  await world.pass(10_000);
  host.restart();
  act(unpin(MOD, id(1)));
  await world.pass(11_000);
  expect(host.recorded.map(({ id, action }) => [id, action])).toEqual([
    [1, "pin_message"],
    [1, "pin_message"],
    [2, "unpin_message"],
  ]);
});

test("it is not lost with its channel", async () => {
  act(send(ANN, "one"), remove(MOD, id(1)));
  world.lose("record");
  host.room.destroy();
  await world.pass(1_000);
  host.restart();
  await world.pass(10_000);
  expect(recorded()).toEqual([["message_delete", id(1)]]);
  expect(host.alarmAt).toBeNull();
});

test("a hundred are told at once, and the others right after", async () => {
  for (let n = 1; n <= 130; n++) act(send(ANN, `${n}`), remove(MOD, id(n)));
  await world.pass(1_000);
  expect(host.recorded).toHaveLength(100);
  await world.pass(1_000);
  expect(host.recorded).toHaveLength(130);
});

test("a room from before this was kept begins to", async () => {
  act(send(ANN, "one"));
  host.store.exec("DROP TABLE deeds");
  host.restart();
  act(pin(MOD, id(1)));
  await world.pass(1_000);
  expect(recorded()).toEqual([["pin_message", id(1)]]);
});
