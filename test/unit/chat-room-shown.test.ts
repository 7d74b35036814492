/** What a room shows: when somebody joins, looks back, or opens a thread; and what it hides of anonymous authors. */
import { beforeEach, describe, expect, test } from "vitest";
import { ChatMessage, PinnedMessage, RETENTION_MS } from "#contract/chat";
import type { RoomAction } from "#contract/chat-rpc";
import { messageId } from "#kit/message-id";
import { actionsOf, channelOf, chatUserOf, doer, HIDDEN } from "../harness/chat-cast.ts";
import { ChatListener } from "../harness/chat-listener.ts";
import { ChatWorld, type RoomHost } from "../harness/chat-world.ts";

const ROOM = 7;
const { id, send, edit, remove, react, pin, unpin } = actionsOf(ROOM);
const ANN = doer(1);
const BEN = doer(2);
const MOD = doer(3, "moderator");

let world: ChatWorld;
let host: RoomHost;
let ear: ChatListener;

beforeEach(() => {
  world = new ChatWorld();
  host = world.room(ROOM);
  host.room.configure(channelOf(ROOM));
  ear = new ChatListener(world, ROOM);
});

const done = (action: RoomAction): number => {
  const reply = host.room.act(action);
  if (!reply.ok) throw new Error(`${action.kind} was refused: ${reply.code}`);
  return reply.message_id;
};
const fill = (count: number) => Array.from({ length: count }, (_, n) => done(send(ANN, `message ${n + 1}`)));
const shown = () => {
  const reply = ear.visit({ snapshot: true });
  if (!reply.ok || !reply.snapshot) throw new Error("nothing is shown");
  return { ...reply.snapshot, rev: reply.rev };
};
const ids = (history: { message: { id: number } }[]) => history.map(({ message }) => message.id);
const upTo = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => id(from + n));

describe("a join shows", () => {
  test("nothing of an empty room", () => {
    expect(shown()).toEqual({ history: [], has_more: false, pinned: [], users: [], total: 0, guests: 0, rev: 0 });
  });

  test.each([
    [50, false],
    [51, true],
  ])("of %i messages the last 50, oldest first, and whether there are more", (count, has_more) => {
    fill(count);
    const { history, ...rest } = shown();
    expect(ids(history)).toEqual(upTo(count - 49, count));
    expect(rest).toMatchObject({ has_more, rev: count });
  });

  test("each message with all there is to it, as the contract has it", () => {
    done(send(doer(1, "member", { nickname: "Ann", avatar: { emoji: "🦊" } }), "one"));
    done(send(BEN, "two", { reply_to: id(1) }));
    done(edit(BEN, id(2), "2"));
    done(react(ANN, id(2), "👍"));
    done(pin(MOD, id(2)));
    const { history, pinned } = shown();
    const second = {
      id: id(2),
      user_id: 2,
      username: "user2",
      nickname: null,
      role: "user",
      anonymous: false,
      avatar: {},
      message: "2",
      created_at: new Date(world.now).toISOString(),
      edited_at: new Date(world.now).toISOString(),
      reply_to: id(1),
      reply_preview: { id: id(1), username: "user1", message: "one" },
      reactions: [{ emoji: "👍", count: 1, user_ids: [1] }],
      pinned: true,
    };
    expect(history[0]).toMatchObject({
      author: 1,
      message: { nickname: "Ann", avatar: { emoji: "🦊" }, pinned: false },
    });
    expect(history[1]).toEqual({ author: 2, message: second });
    expect(pinned).toEqual([
      { author: 2, message: { ...second, pinned_by: 3, pinned_at: new Date(world.now).toISOString() } },
    ]);
    for (const { message } of history) expect(ChatMessage.strict().parse(message)).toEqual(message);
    for (const { message } of pinned) expect(PinnedMessage.strict().parse(message)).toEqual(message);
  });

  test("pins that are far back", () => {
    fill(60);
    done(pin(MOD, id(1)));
    expect(ids(shown().pinned)).toEqual([id(1)]);
  });

  test("who is there, the one who joins among them, and how many guests", () => {
    ear.visit({ entered: [chatUserOf(1), chatUserOf(2)], guests: 3 });
    expect(shown()).toMatchObject({ users: [{ user_id: 1 }, { user_id: 2 }], total: 2, guests: 0 });
    const reply = ear.visit({ snapshot: true, entered: [chatUserOf(3)], guests: 4 });
    expect(reply).toMatchObject({ snapshot: { users: [{}, {}, { user_id: 3 }], total: 3, guests: 4 } });
  });

  test("the same at once and after the next change, and after a restart", () => {
    fill(2);
    const before = shown();
    expect(shown()).toEqual(before);
    done(remove(ANN, id(2)));
    expect(ids(shown().history)).toEqual([id(1)]);
    const after = shown();
    host.restart();
    expect(shown()).toEqual(after);
  });

  test("nothing of what has expired", async () => {
    fill(2);
    shown();
    await world.pass(RETENTION_MS);
    expect(shown()).toMatchObject({ history: [], rev: 2 });
  });
});

describe("looking back", () => {
  const page = (before: number, limit: number) => {
    const { history, ...rest } = host.room.history(before, limit);
    return { ids: ids(history), ...rest };
  };

  test("goes page by page, oldest first, without holes, to the first", () => {
    fill(120);
    done(remove(ANN, id(30)));
    const last = upTo(20, 70).filter((each) => each !== id(30));
    expect(page(id(71), 50)).toEqual({ ids: last, has_more: true, rev: 121 });
    expect(page(id(20), 50)).toEqual({ ids: upTo(1, 19), has_more: false, rev: 121 });
    expect(page(id(1), 50)).toMatchObject({ ids: [], has_more: false });
  });

  test("says that there is more only when there is", () => {
    fill(10);
    expect(page(id(11), 10).has_more).toBe(false);
    expect(page(id(11), 9).has_more).toBe(true);
  });

  test("from a message that is gone is as good as from any", () => {
    fill(5);
    done(remove(ANN, id(4)));
    expect(page(id(4), 2).ids).toEqual([id(2), id(3)]);
  });

  test("from a message of another channel gives nothing", () => {
    fill(5);
    expect(page(messageId(ROOM + 1, 3), 50)).toMatchObject({ ids: [], has_more: false });
  });
});

describe("a thread", () => {
  const chain = (length: number) => {
    for (let n = 1; n <= length; n++) done(send(ANN, `${n}`, { reply_to: n === 1 ? null : id(n - 1) }));
  };
  const thread = (of: number, reader = 1) => host.room.thread(of, reader).map((message) => message.id);

  test("is the message and what it answers, oldest first", () => {
    chain(3);
    done(send(BEN, "aside"));
    expect(thread(id(3))).toEqual(upTo(1, 3));
    expect(thread(id(1))).toEqual([id(1)]);
  });

  test("has 20 messages at most, the newest of them", () => {
    chain(25);
    expect(thread(id(25))).toEqual(upTo(6, 25));
  });

  test("begins after what was deleted", () => {
    chain(5);
    done(remove(ANN, id(3)));
    expect(thread(id(5))).toEqual([id(4), id(5)]);
  });

  test("of a message that is gone, or of another channel, is empty", () => {
    chain(2);
    done(remove(ANN, id(2)));
    expect(thread(id(2))).toEqual([]);
    expect(thread(messageId(ROOM + 1, 1))).toEqual([]);
  });
});

describe("an anonymous author", () => {
  const HIDDEN_ANN = doer(4711, "member", { ...HIDDEN, username: "ann-by-name", role: "admin", nickname: "Annie" });
  const TRACES = /4711|ann-by-name|Annie|🦊|admin/;

  /** All that an anonymous person can do, and others about it. */
  const play = (): void => {
    const message = done(send(HIDDEN_ANN, "hidden"));
    done(edit(HIDDEN_ANN, message, "hidden, edited"));
    done(send(BEN, "answer", { reply_to: message }));
    done(react(HIDDEN_ANN, message, "👍"));
    done(react(HIDDEN_ANN, message, "🎉"));
    done(react(HIDDEN_ANN, message, "🎉"));
    done(pin(MOD, message));
    done(unpin(MOD, message));
    done(pin(MOD, message));
    done(remove(HIDDEN_ANN, done(send(HIDDEN_ANN, "gone"))));
    host.room.typing(HIDDEN_ANN.profile);
  };
  const hiddenUser = () => chatUserOf(4711, HIDDEN_ANN.profile);

  test("leaves no trace in what others are sent", async () => {
    ear.visit({ entered: [chatUserOf(2)] });
    ear.visit({ entered: [hiddenUser()] });
    play();
    ear.visit({ left: [4711] });
    await world.pass(10_000);
    const heard = [...ear.updates, ...ear.news];
    expect(new Set(heard.map(({ type }) => type))).toEqual(
      new Set([
        "message",
        "message_edited",
        "reaction_update",
        "message_pinned",
        "message_unpinned",
        "message_deleted",
        "user_joined",
        "user_left",
        "users",
        "typing",
      ]),
    );
    for (const frame of heard) expect(JSON.stringify(frame)).not.toMatch(TRACES);
  });

  test("nor in what is told again later, from storage", () => {
    play();
    host.restart();
    const reply = ear.visit({ since: 0 });
    for (const { frame } of (reply.ok && reply.updates) || []) expect(frame).not.toMatch(TRACES);
  });

  test("nor in what a join, a look back or a thread shows", () => {
    play();
    ear.visit({ entered: [hiddenUser()] });
    const { history, pinned, users } = shown();
    const seen = [
      ...[...history, ...pinned].map(({ message }) => message),
      ...users,
      ...host.room.history(id(100), 50).history.map(({ message }) => message),
      ...host.room.thread(id(2), 2),
    ];
    expect(seen.length).toBeGreaterThan(6);
    for (const each of seen) expect(JSON.stringify(each)).not.toMatch(TRACES);
    expect(users).toMatchObject([{ user_id: null, username: "Anonymous", anonymous: true, status_message: "" }]);
  });

  test("is known to the gateway, which tells nobody but the author", () => {
    play();
    expect(shown().history[0]).toMatchObject({ author: 4711, message: { user_id: null, username: "Anonymous" } });
  });

  test("recognises in a thread what is theirs; nobody else does", () => {
    play();
    expect(host.room.thread(id(2), 4711).map(({ own }) => own)).toEqual([true, undefined]);
    expect(host.room.thread(id(2), 2).map(({ own }) => own)).toEqual([undefined, undefined]);
  });

  test("edits and deletes what they wrote, also when they show their name by now; others do not", () => {
    play();
    const named = doer(4711);
    expect(host.room.act(edit(BEN, id(1), "x"))).toMatchObject({ code: "forbidden" });
    done(edit(named, id(1), "still hidden"));
    done(remove(named, id(1)));
    const reply = ear.visit({ since: 0 });
    for (const { frame } of (reply.ok && reply.updates) || []) expect(frame).not.toMatch(/"(user_id|deleted_by)":4711/);
  });

  test("stays hidden in what they wrote before they showed their name, and shown in what they wrote before hiding", () => {
    done(send(doer(5), "with a name"));
    done(send(doer(5, "member", HIDDEN), "without"));
    done(send(doer(5), "with a name again"));
    expect(shown().history.map(({ message }) => message.username)).toEqual(["user5", "Anonymous", "user5"]);
  });
});
