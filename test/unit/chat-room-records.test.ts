/** How a room numbers and keeps its changes: no gaps, nothing twice, and what of it can be told again later. */
import { beforeEach, describe, expect, test } from "vitest";
import type { Change } from "#contract/chat-frames";
import type { ActReply, RoomAction, Update } from "#contract/chat-rpc";
import { seqOf } from "#kit/message-id";
import type { SqlValue, Store } from "../../durable-objects/chat/store.ts";
import { actionsOf, channelOf, doer, ROOT, upTo } from "../harness/chat-cast.ts";
import { ChatListener } from "../harness/chat-listener.ts";
import { NodeStore } from "../harness/chat-store.ts";
import { ChatWorld, type RoomHost } from "../harness/chat-world.ts";

const ROOM = 7;
const MINUTE = 60_000;
const { id, send, edit, remove, react, pin, unpin } = actionsOf(ROOM);
const ANN = doer(1);
const BEN = doer(2);
const MOD = doer(3, "moderator");

/** Fails at the next statement that begins like this. */
class FaultyStore extends NodeStore implements Store {
  failAt: string | null = null;

  override exec<Row>(query: string, ...values: SqlValue[]): Row[] {
    if (this.failAt !== null && query.startsWith(this.failAt)) {
      this.failAt = null;
      throw new Error("the disk is full");
    }
    return super.exec<Row>(query, ...values);
  }
}

let world: ChatWorld;
let store: FaultyStore;
let host: RoomHost;
let ear: ChatListener;

beforeEach(() => {
  world = new ChatWorld();
  store = new FaultyStore();
  host = world.room(ROOM, store);
  host.room.configure(channelOf(ROOM));
  ear = new ChatListener(world, ROOM);
});

const act = (action: RoomAction): ActReply => host.room.act(action);
const done = (action: RoomAction): { rev: number; message_id: number } => {
  const reply = act(action);
  if (!reply.ok) throw new Error(`${action.kind} was refused: ${reply.code}`);
  return reply;
};
const fill = (count: number, from = 1) => {
  for (let n = 0; n < count; n++) done(send(ANN, `message ${from + n}`));
};
const frameOf = ({ frame }: Update) => JSON.parse(frame) as Change;
const since = (rev: number): Change[] | null => {
  const reply = ear.visit({ since: rev });
  if (!reply.ok) throw new Error("the channel is gone");
  expect(reply.snapshot === null).toBe(reply.updates !== null);
  return reply.updates?.map(frameOf) ?? null;
};
const revs = (changes: Change[] | null) => changes?.map(({ rev }) => rev);

describe("numbers", () => {
  test("each change has the next rev, and each message the next seq; what is refused takes none", () => {
    const one = done(send(ANN, "one"));
    act(edit(BEN, one.message_id, "x"));
    const edited = done(edit(ANN, one.message_id, "1"));
    act(react(BEN, id(99), "👍"));
    const two = done(send(BEN, "two"));
    expect([one, edited, two].map(({ rev }) => rev)).toEqual([1, 2, 3]);
    expect([one, two].map(({ message_id }) => seqOf(message_id))).toEqual([1, 2]);
  });

  test("go on where they were when the room comes back", () => {
    fill(3);
    host.restart();
    expect(host.room.rev).toBe(3);
    expect(done(send(ANN, "four"))).toEqual(expect.objectContaining({ rev: 4, message_id: id(4) }));
  });

  test("the id of the newest message is not given again after it was deleted, nor after all were", () => {
    fill(2);
    done(remove(ANN, id(2)));
    host.restart();
    expect(done(send(ANN, "three")).message_id).toBe(id(3));
    host.room.clear(ROOT, "c");
    host.restart();
    expect(done(send(ANN, "four")).message_id).toBe(id(4));
  });

  test("a message that could not be written takes no number, and leaves nothing behind", () => {
    fill(1);
    store.failAt = "INSERT INTO changes";
    expect(() => act(send(ANN, "lost"))).toThrow("the disk is full");
    expect(host.room.rev).toBe(1);
    expect(done(send(ANN, "two"))).toMatchObject({ rev: 2, message_id: id(2) });
    expect(since(0)?.map((change) => ("message" in change ? change.message : null))).toEqual(["message 1", "two"]);
    host.restart();
    expect(revs(since(0))).toEqual([1, 2]);
  });

  test("settings that could not be written are not the room's", () => {
    store.failAt = "INSERT INTO changes";
    const readonly = channelOf(ROOM, { version: 2, mode: "readonly" });
    expect(() => host.room.configure(readonly)).toThrow("the disk is full");
    done(send(ANN, "still open"));
    host.room.configure(readonly);
    expect(act(send(ANN, "closed"))).toMatchObject({ code: "readonly" });
  });

  test("neither does a slow mode count what could not be written", () => {
    host.room.configure(channelOf(ROOM, { version: 2, slowmode_seconds: 30 }));
    store.failAt = "INSERT INTO messages";
    expect(() => act(send(ANN, "lost"))).toThrow("the disk is full");
    done(send(ANN, "one"));
  });
});

describe("a nonce", () => {
  test("makes the same action once, whatever it is, and the first frame is told again", () => {
    const first = send(ANN, "one");
    const message = done(first).message_id;
    const actions = [first, edit(ANN, message, "1"), react(ANN, message, "👍"), pin(MOD, message), unpin(MOD, message)];
    for (const action of actions) done(action);
    const rev = host.room.rev;
    for (const restart of [false, true]) {
      if (restart) host.restart();
      actions.forEach((action, n) => {
        const reply = act(action);
        expect(reply).toMatchObject({ ok: true, rev: n + 1, message_id: message });
        const again = JSON.parse((reply.ok && reply.again) || "null");
        expect(again).toMatchObject({ rev: n + 1, nonce: action.nonce });
      });
    }
    expect(host.room.rev).toBe(rev);
  });

  test("is told as it is now: the text of a message that was edited since, nothing of what is pinned no more", () => {
    const first = send(ANN, "one");
    const message = done(first).message_id;
    done(edit(ANN, message, "better"));
    const pinned = pin(MOD, message);
    done(pinned);
    done(unpin(MOD, message));
    const again = (action: RoomAction) => {
      const reply = act(action);
      return reply.ok ? JSON.parse(reply.again ?? "null") : null;
    };
    expect(again(first)).toMatchObject({ type: "message", rev: 1, message: "better", nonce: first.nonce });
    expect(again(pinned)).toEqual({ type: "skipped", channel_id: ROOM, rev: 3, nonce: pinned.nonce });
  });

  test("is each person's own", () => {
    done(send(ANN, "hers", { nonce: "same" }));
    expect(done(send(BEN, "his", { nonce: "same" })).message_id).toBe(id(2));
  });

  test("of a message that was deleted since says so, and makes no new one", () => {
    const action = send(ANN, "one");
    done(remove(ANN, done(action).message_id));
    expect(act(action)).toMatchObject({ ok: false, code: "deleted" });
    host.room.clear(ROOT, "c");
    host.restart();
    expect(act(action)).toMatchObject({ ok: false, code: "deleted" });
  });

  test("of an action that was refused may be used again", () => {
    expect(act(react(ANN, id(1), "👍", "n"))).toMatchObject({ code: "not_found" });
    fill(1);
    done(react(ANN, id(1), "👍", "n"));
  });

  test("that a gateway made up is shown to nobody", async () => {
    ear.visit();
    done(send(ANN, "one", { nonce: "~made-up" }));
    await world.pass(0);
    expect(ear.updates).toHaveLength(1);
    expect(ear.updates[0]).not.toHaveProperty("nonce");
  });

  test("counts for more than a thousand changes, however old", async () => {
    const action = send(ANN, "one");
    done(action);
    await world.pass(60 * MINUTE);
    fill(1_000);
    expect(act(action)).toMatchObject({ ok: true, rev: 1 });
  });

  test("may be another action's after 10 minutes, however quiet the room", async () => {
    const first = send(ANN, "good morning", { nonce: "1" });
    done(first);
    await world.pass(10 * MINUTE + 1);
    const next = send(ANN, "good night", { nonce: "1" });
    expect(act(next)).toMatchObject({ ok: true, rev: 2, again: null });
    expect(act(next)).toMatchObject({ ok: true, rev: 2, again: expect.stringContaining("good night") });
    expect(since(0)?.map((change) => "message" in change && change.message)).toEqual(["good morning", "good night"]);
  });

  test("is no other action's meanwhile: nothing is lost without a word", () => {
    const message = send(ANN, "one", { nonce: "1" });
    done(message);
    done(react(ANN, id(1), "👍", "2"));
    const others = [
      send(ANN, "two", { nonce: "1" }),
      react(ANN, id(1), "👍", "1"),
      react(ANN, id(1), "👎", "2"),
      send(ANN, "one", { nonce: "2" }),
    ];
    for (const other of others) expect(act(other)).toMatchObject({ ok: false, code: "invalid" });
    done(edit(ANN, id(1), "better"));
    expect(act(message)).toMatchObject({ ok: true, rev: 1 });
  });

  test("counts for 10 minutes, however many changes there were", async () => {
    const action = send(ANN, "one");
    done(action);
    await world.pass(10 * MINUTE);
    fill(1_600);
    expect(act(action)).toMatchObject({ ok: true, rev: 1 });
    await world.pass(1);
    fill(300);
    expect(act(action)).toMatchObject({ ok: true, rev: 1_902 });
  });
});

describe("what came since", () => {
  test("all of it in order, and nothing when there is nothing", () => {
    fill(5);
    expect(revs(since(2))).toEqual([3, 4, 5]);
    expect(since(5)).toEqual([]);
    expect(since(99)).toEqual([]);
  });

  test("the same from memory and from storage", () => {
    fill(2);
    done(edit(ANN, id(1), "better"));
    done(react(BEN, id(1), "👍"));
    done(pin(MOD, id(2)));
    host.room.configure(channelOf(ROOM, { version: 2, name: "new-name" }));
    host.room.configure(channelOf(ROOM, { version: 3, name: "new-name", topic: "new" }));
    const before = since(2);
    host.restart();
    expect(since(2)).toEqual(before);
    expect(before?.map(({ type }) => type)).toEqual([
      "message_edited",
      "reaction_update",
      "message_pinned",
      "channel_renamed",
      "channel_updated",
    ]);
  });

  test("changes of the channel come with it as it is", () => {
    host.room.configure(channelOf(ROOM, { version: 2, name: "new-name" }));
    fill(1);
    for (const restart of [false, true]) {
      if (restart) host.restart();
      const reply = ear.visit({ since: 0 });
      const configs = reply.ok ? reply.updates?.map(({ config }) => config?.name ?? null) : null;
      expect(configs).toEqual(["new-name", null]);
    }
  });

  test("of what is gone only the number is told", () => {
    fill(3);
    done(edit(ANN, id(1), "better"));
    done(pin(MOD, id(2)));
    done(remove(ANN, id(1)));
    done(unpin(MOD, id(2)));
    host.restart();
    expect(since(0)?.map(({ type }) => type)).toEqual([
      "skipped",
      "message",
      "message",
      "skipped",
      "skipped",
      "message_deleted",
      "message_unpinned",
    ]);
  });

  test("a message that was edited since comes as it is now, and so does its edit", () => {
    fill(1);
    done(edit(ANN, id(1), "better"));
    done(edit(ANN, id(1), "best"));
    host.restart();
    expect(since(0)).toMatchObject([
      { type: "message", message: "best" },
      { type: "message_edited", new_text: "best" },
      { type: "message_edited", new_text: "best" },
    ]);
  });

  test.each(["memory", "storage"])("more than 500 are told as a snapshot, from %s too", (from) => {
    fill(501);
    if (from === "storage") host.restart();
    expect(since(0) === null).toBe(true);
    expect(revs(since(1))).toEqual(upTo(2, 501));
  });

  test("after a restart storage and memory join without a gap", () => {
    fill(10);
    host.restart();
    fill(10, 11);
    expect(revs(since(5))).toEqual(upTo(6, 20));
    expect(revs(since(10))).toEqual(upTo(11, 20));
  });

  test("long after that too", () => {
    fill(100);
    host.restart();
    fill(1_500);
    for (const from of [1_100, 1_500, 1_599]) expect(revs(since(from))).toEqual(upTo(from + 1, 1_600));
  });
});
