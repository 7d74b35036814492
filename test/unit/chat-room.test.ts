/** What people may do in a room, what they are told when they may not, and what changes. */
import { beforeEach, describe, expect, test } from "vitest";
import { type ChannelConfig, EDIT_WINDOW_MS } from "#contract/chat";
import type { Change } from "#contract/chat-frames";
import type { ActReply, RoomAction } from "#contract/chat-rpc";
import { messageId, SEQ_MAX } from "#kit/message-id";
import { actionsOf, channelOf, doer, HIDDEN } from "../harness/chat-cast.ts";
import { ChatListener } from "../harness/chat-listener.ts";
import { ChatWorld, type RoomHost } from "../harness/chat-world.ts";

const ROOM = 7;
const { id, send, edit, remove, react, pin, unpin } = actionsOf(ROOM);
const ANN = doer(1);
const BEN = doer(2);
const MOD = doer(3, "moderator");
const GUEST = doer(9, "guest");

let world: ChatWorld;
let host: RoomHost;
let ear: ChatListener;

beforeEach(() => {
  world = new ChatWorld();
  host = world.room(ROOM);
  ear = new ChatListener(world, ROOM);
  configure({});
  ear.visit();
});

let version = 0;
const configure = (change: Partial<ChannelConfig>) =>
  host.room.configure(channelOf(ROOM, { version: ++version, ...change }));
const act = (action: RoomAction): ActReply => host.room.act(action);
/** Done, or the test has failed. */
const done = (action: RoomAction): number => {
  const reply = act(action);
  if (!reply.ok) throw new Error(`${action.kind} was refused: ${reply.code}`);
  return reply.message_id;
};
const refusal = (action: RoomAction): string => {
  const before = host.room.rev;
  const reply = act(action);
  if (reply.ok) throw new Error(`${action.kind} was not refused`);
  expect(host.room.rev).toBe(before);
  return reply.code;
};
const shown = () => {
  const reply = ear.visit({ snapshot: true });
  if (!reply.ok || !reply.snapshot) throw new Error("nothing is shown");
  return reply.snapshot;
};
const messages = () => shown().history.map(({ message }) => message);
const lastChange = async (): Promise<Change> => {
  await world.pass(0);
  return ear.updates.at(-1) as Change;
};

describe("who may do what", () => {
  const everything = (by: typeof ANN, of: number): [RoomAction, string | null][] => [
    [send(by, "hi"), null],
    [edit(by, of, "new"), null],
    [react(by, of, "👍"), null],
    [pin(by, of), null],
    [unpin(by, of), null],
    [remove(by, of), null],
  ];

  test("a guest may do nothing", () => {
    const message = done(send(ANN, "hi"));
    for (const [action] of everything(GUEST, message)) expect(refusal(action)).toBe("unauthenticated");
  });

  test("a member sends, reacts, edits and deletes what is theirs", async () => {
    const message = done(send(ANN, "hi"));
    done(edit(ANN, message, "hello"));
    expect(await lastChange()).toMatchObject({ type: "message_edited", message_id: message, new_text: "hello" });
    done(react(BEN, message, "👍"));
    done(remove(ANN, message));
    expect(await lastChange()).toMatchObject({ type: "message_deleted", message_id: message, deleted_by: 1 });
  });

  test("a member may not touch what others wrote, nor pin", () => {
    const message = done(send(ANN, "hi"));
    expect(refusal(edit(BEN, message, "x"))).toBe("forbidden");
    expect(refusal(remove(BEN, message))).toBe("forbidden");
    expect(refusal(pin(BEN, message))).toBe("forbidden");
    expect(refusal(pin(ANN, message))).toBe("forbidden");
    done(pin(MOD, message));
    expect(refusal(unpin(ANN, message))).toBe("forbidden");
  });

  test("a moderator deletes anything and pins, but puts no words into another's mouth", async () => {
    const message = done(send(ANN, "hi"));
    expect(refusal(edit(MOD, message, "x"))).toBe("forbidden");
    done(pin(MOD, message));
    done(remove(MOD, message));
    expect(await lastChange()).toMatchObject({ type: "message_deleted", deleted_by: 3 });
    expect(messages()).toEqual([]);
  });

  test("in a readonly channel members react and take back what they said; moderators write", () => {
    const message = done(send(ANN, "before"));
    configure({ mode: "readonly" });
    expect(refusal(send(ANN, "hi"))).toBe("readonly");
    expect(refusal(edit(ANN, message, "new"))).toBe("readonly");
    done(react(ANN, message, "👍"));
    done(remove(ANN, message));
    done(send(MOD, "hello"));
    configure({ mode: "open" });
    done(send(ANN, "hi"));
  });
});

describe("slow mode", () => {
  beforeEach(() => configure({ slowmode_seconds: 30 }));

  test("tells how long to wait, in whole seconds, and lets the next one through on time", async () => {
    done(send(ANN, "one"));
    await world.pass(500);
    expect(act(send(ANN, "two"))).toMatchObject({ ok: false, code: "slowmode", wait_s: 30 });
    await world.pass(29_499);
    expect(act(send(ANN, "two"))).toMatchObject({ code: "slowmode", wait_s: 1 });
    configure({ slowmode_seconds: 30, mode: "readonly" });
    expect(refusal(send(ANN, "two"))).toBe("slowmode");
    configure({ slowmode_seconds: 30 });
    await world.pass(1);
    done(send(ANN, "two"));
  });

  test("is each one's own, and not for moderators", () => {
    done(send(ANN, "one"));
    done(send(BEN, "one"));
    done(send(MOD, "one"));
    done(send(MOD, "two"));
  });

  test("neither deleting the message nor a restart shortens it", () => {
    done(remove(ANN, done(send(ANN, "one"))));
    expect(refusal(send(ANN, "two"))).toBe("slowmode");
    host.restart();
    expect(refusal(send(ANN, "two"))).toBe("slowmode");
  });

  test("a refused message, an edit and a reaction do not lengthen it", async () => {
    const message = done(send(ANN, "one"));
    await world.pass(29_000);
    refusal(send(ANN, "two"));
    done(edit(ANN, message, "new"));
    done(react(ANN, message, "👍"));
    await world.pass(1_000);
    done(send(ANN, "two"));
  });

  test("a resend of what was sent is no second message", () => {
    const action = send(ANN, "one");
    expect(done(action)).toBe(done(action));
  });

  test("a clock that was set back by more than the wait locks nobody out", () => {
    done(send(ANN, "one"));
    world.now -= 3_600_000;
    done(send(ANN, "two"));
  });
});

describe("editing", () => {
  test("goes for 5 minutes to the millisecond", async () => {
    const message = done(send(ANN, "hi"));
    await world.pass(EDIT_WINDOW_MS);
    done(edit(ANN, message, "in time"));
    await world.pass(1);
    expect(refusal(edit(ANN, message, "too late"))).toBe("edit_window");
    expect(messages()).toMatchObject([{ message: "in time", edited_at: expect.any(String) }]);
  });

  test("does not count anew from an edit", async () => {
    const message = done(send(ANN, "hi"));
    await world.pass(EDIT_WINDOW_MS - 1);
    done(edit(ANN, message, "once"));
    await world.pass(2);
    expect(refusal(edit(ANN, message, "twice"))).toBe("edit_window");
  });
});

describe("replies", () => {
  test("carry what they answer, as it was written by whom", async () => {
    const first = done(send(ANN, "first"));
    done(send(BEN, "second", { reply_to: first }));
    const reply = { reply_to: first, reply_preview: { id: first, username: "user1", message: "first" } };
    expect(await lastChange()).toMatchObject(reply);
    expect(messages()[1]).toMatchObject(reply);
  });

  test.each([
    ["of another channel", () => messageId(ROOM + 1, 1)],
    ["that there never was", () => id(1_000)],
    ["that was deleted", () => done(remove(ANN, id(1)))],
  ])("to a message %s are refused", (_, target) => {
    done(send(ANN, "first"));
    expect(refusal(send(BEN, "second", { reply_to: target() }))).toBe("not_found");
  });

  test("a preview has 100 characters as people count them", () => {
    const first = done(send(ANN, "😀".repeat(150)));
    done(send(BEN, "second", { reply_to: first }));
    expect(messages()[1]?.reply_preview?.message).toBe("😀".repeat(100));
  });

  test("a preview shows what the message says now, and null once it is gone", () => {
    const first = done(send(ANN, "first"));
    done(send(BEN, "second", { reply_to: first }));
    done(edit(ANN, first, "better"));
    expect(messages()[1]?.reply_preview?.message).toBe("better");
    done(remove(ANN, first));
    expect(messages()).toMatchObject([{ message: "second", reply_to: first, reply_preview: null }]);
  });
});

describe("reactions", () => {
  let message: number;
  beforeEach(() => {
    message = done(send(ANN, "hi"));
  });
  const reactions = () => messages()[0]?.reactions;

  test("the same one again takes it back; each frame tells the count", async () => {
    done(react(ANN, message, "👍"));
    done(react(BEN, message, "👍"));
    expect(await lastChange()).toMatchObject({
      type: "reaction_update",
      message_id: message,
      emoji: "👍",
      user_id: 2,
      username: "user2",
      action: "add",
      added: true,
      count: 2,
    });
    done(react(ANN, message, "👍"));
    expect(await lastChange()).toMatchObject({ user_id: 1, action: "remove", added: false, count: 1 });
    expect(reactions()).toEqual([{ emoji: "👍", count: 1, user_ids: [2] }]);
  });

  test("stand in the order in which each first came", async () => {
    for (const [by, emoji] of [
      [BEN, "🎉"],
      [ANN, "👍"],
      [ANN, "🎉"],
    ] as const) {
      done(react(by, message, emoji));
      await world.pass(1);
    }
    expect(reactions()).toEqual([
      { emoji: "🎉", count: 2, user_ids: [2, 1] },
      { emoji: "👍", count: 1, user_ids: [1] },
    ]);
  });

  test("20 different emoji, then only those that are there", () => {
    for (let n = 0; n < 20; n++) done(react(ANN, message, `:${n}:`));
    expect(refusal(react(ANN, message, ":20:"))).toBe("too_many_reactions");
    done(react(BEN, message, ":0:"));
    done(react(ANN, message, ":1:"));
    done(react(ANN, message, ":20:"));
  });

  test("of more than 200 people the first 200 are named and all are counted", () => {
    for (let n = 1; n <= 230; n++) done(react(doer(n), message, "👍"));
    expect(reactions()).toEqual([{ emoji: "👍", count: 230, user_ids: Array.from({ length: 200 }, (_, n) => n + 1) }]);
  });

  test("somebody anonymous is counted and not named", async () => {
    done(react(doer(4, "member", HIDDEN), message, "👍"));
    expect(await lastChange()).toMatchObject({ user_id: null, username: "Anonymous", count: 1 });
    expect(reactions()).toEqual([{ emoji: "👍", count: 1, user_ids: [] }]);
  });

  test("who reacted anonymously and takes it back under their name is still not named", async () => {
    done(react(doer(4, "member", HIDDEN), message, "👍"));
    done(react(doer(4), message, "👍"));
    expect(await lastChange()).toMatchObject({ user_id: null, username: "Anonymous", added: false, count: 0 });
  });

  test("go with their message", () => {
    done(react(ANN, message, "👍"));
    done(remove(ANN, message));
    expect(refusal(react(ANN, message, "👍"))).toBe("not_found");
    expect(host.store.exec("SELECT * FROM reactions")).toEqual([]);
  });
});

describe("pins", () => {
  test("are shown newest first, with who pinned them and when, until they are taken off", async () => {
    const [one, two] = [done(send(ANN, "one")), done(send(ANN, "two"))];
    done(pin(MOD, two));
    await world.pass(10);
    done(pin(MOD, one));
    expect(await lastChange()).toMatchObject({
      type: "message_pinned",
      message_id: one,
      message: "one",
      username: "user1",
      pinned_by: 3,
      pinned_by_username: "user3",
      pinned_at: new Date(world.now).toISOString(),
    });
    expect(shown().pinned.map(({ message }) => [message.id, message.pinned_by])).toEqual([
      [one, 3],
      [two, 3],
    ]);
    expect(messages().map(({ pinned }) => pinned)).toEqual([true, true]);
    done(unpin(MOD, one));
    expect(await lastChange()).toMatchObject({ type: "message_unpinned", message_id: one });
    expect(shown().pinned.map(({ message }) => message.id)).toEqual([two]);
  });

  test("twice the same, or taking off what is not pinned, is refused", () => {
    const message = done(send(ANN, "one"));
    expect(refusal(unpin(MOD, message))).toBe("invalid");
    done(pin(MOD, message));
    expect(refusal(pin(MOD, message))).toBe("invalid");
  });

  test("there are at most 50", () => {
    const all = Array.from({ length: 51 }, (_, n) => done(send(ANN, `${n}`)));
    for (const message of all.slice(0, 50)) done(pin(MOD, message));
    expect(refusal(pin(MOD, all[50]!))).toBe("invalid");
    done(unpin(MOD, all[0]!));
    done(pin(MOD, all[50]!));
  });

  test("go with their message", () => {
    const message = done(send(ANN, "one"));
    done(pin(MOD, message));
    done(remove(MOD, message));
    expect(shown().pinned).toEqual([]);
  });
});

test.each([
  ["edited", (of: number) => edit(ANN, of, "new")],
  ["deleted", (of: number) => remove(ANN, of)],
  ["reacted to", (of: number) => react(ANN, of, "👍")],
  ["pinned", (of: number) => pin(MOD, of)],
  ["unpinned", (of: number) => unpin(MOD, of)],
])("what is not there, or of another channel, cannot be %s", (_, action) => {
  done(send(ANN, "hi"));
  expect(refusal(action(id(2)))).toBe("not_found");
  expect(refusal(action(messageId(ROOM + 1, 1)))).toBe("not_found");
});

test("a room that has used up its numbers takes no more messages", () => {
  host.store.exec("UPDATE room SET seq = ?", SEQ_MAX - 1);
  host.restart();
  expect(done(send(ANN, "last"))).toBe(id(SEQ_MAX));
  expect(refusal(send(ANN, "one more"))).toBe("forbidden");
  done(react(ANN, id(SEQ_MAX), "👍"));
});

test("a room that nobody has ever come to knows no channel", () => {
  const { room } = world.room(8);
  expect(room.act(actionsOf(8).send(ANN, "hi"))).toMatchObject({ ok: false, code: "not_found" });
  expect(room.history(messageId(8, 5), 50)).toMatchObject({ history: [], has_more: false });
});
