/** A room and the channel that it is: settings, the stream's state, emptying it, and its end. */
import { beforeEach, describe, expect, test } from "vitest";
import { type ChannelConfig, RETENTION_MS } from "#contract/chat";
import { messageId } from "#kit/message-id";
import { actionsOf, channelOf, chatUserOf, doer, ROOT, streamOf, upTo } from "../harness/chat-cast.ts";
import { ChatListener } from "../harness/chat-listener.ts";
import { settled } from "../harness/chat-person.ts";
import { ChatWorld, type RoomHost } from "../harness/chat-world.ts";

const ROOM = 7;
const { id, send } = actionsOf(ROOM);
const ANN = doer(1);

let world: ChatWorld;
let host: RoomHost;
let ear: ChatListener;

beforeEach(() => {
  world = new ChatWorld();
  host = world.room(ROOM);
  ear = new ChatListener(world, ROOM);
});

const say = (text: string) => host.room.act(send(ANN, text));
const configNow = (): ChannelConfig => {
  const reply = ear.visit();
  if (!reply.ok) throw new Error("the channel is gone");
  return reply.config;
};
/** What was told of the channel since then. */
const told = async () => {
  await settled();
  const updates = ear.deliveries.flatMap((delivery) => delivery.updates);
  ear.forget();
  return updates.map(({ frame, config, ends }) => ({ ...JSON.parse(frame), config, ends }));
};

describe("settings", () => {
  const first = channelOf(ROOM, { version: 3, name: "first" });
  beforeEach(() => {
    host.room.configure(first);
    ear.visit();
  });

  test("that come first are no change", () => {
    expect(configNow()).toEqual(first);
    expect(host.room.rev).toBe(0);
  });

  test.each([3, 2])("of version %i are no news", async (version) => {
    host.room.configure(channelOf(ROOM, { version, name: "other" }));
    expect(configNow()).toEqual(first);
    expect(await told()).toEqual([]);
  });

  test("with a new name are told as such, with all that they are now", async () => {
    const next = channelOf(ROOM, { version: 4, name: "second", topic: "new too" });
    host.room.configure(next);
    const where = { channel_id: ROOM, rev: 1 };
    expect(await told()).toEqual([
      { type: "channel_renamed", ...where, old_name: "first", new_name: "second", config: next, ends: undefined },
    ]);
    host.restart();
    expect(configNow()).toEqual(next);
  });

  test("with anything else new are told as an update", async () => {
    const next = { ...first, version: 4, mode: "readonly" as const };
    host.room.configure(next);
    expect(await told()).toMatchObject([{ type: "channel_updated", rev: 1, config: next }]);
  });

  test("come with a visit, too, and are in its answer", () => {
    const next = { ...first, version: 4, topic: "new" };
    expect(ear.visit({ config: next, since: 0 })).toMatchObject({
      ok: true,
      rev: 1,
      config: next,
      updates: [{ rev: 1, config: next }],
    });
  });

  test("of another room are not taken", () => {
    host.room.configure(channelOf(ROOM + 1, { version: 9 }));
    expect(configNow()).toEqual(first);
  });
});

describe("a stream's state", () => {
  const channel = (change: Partial<ChannelConfig> = {}, stream = {}) =>
    channelOf(ROOM, { stream: streamOf(stream), ...change });
  const live = () => configNow().stream?.is_live;

  beforeEach(() => {
    host.room.configure(channel());
    ear.visit();
  });

  test("is told to everybody when it changes", async () => {
    host.room.streamStatus(5, 1, 2);
    expect(await told()).toMatchObject([
      { type: "stream_status", rev: 1, stream_id: 5, is_live: 1, config: { stream: { is_live: 1, live_version: 2 } } },
    ]);
    host.restart();
    expect(live()).toBe(1);
  });

  test("that is older, or of another stream, is not believed", async () => {
    host.room.streamStatus(5, 1, 2);
    await told();
    host.room.streamStatus(5, 2, 2);
    host.room.streamStatus(5, 0, 1);
    host.room.streamStatus(6, 2, 9);
    expect(live()).toBe(1);
    expect(await told()).toEqual([]);
  });

  test("that is the same as before is no news, and its version counts", async () => {
    host.room.streamStatus(5, 0, 4);
    host.room.streamStatus(5, 1, 3);
    expect(live()).toBe(0);
    expect(await told()).toEqual([]);
  });

  test("that the room knows better than D1 stays, while D1's settings are taken", async () => {
    host.room.streamStatus(5, 1, 8);
    await told();
    host.room.configure(channel({ version: 2, topic: "new" }, { is_live: 0, live_version: 7 }));
    expect(configNow()).toMatchObject({ topic: "new", stream: { is_live: 1, live_version: 8 } });
    expect(await told()).toMatchObject([{ type: "channel_updated", config: { stream: { is_live: 1 } } }]);
  });

  test("that D1 knows better is taken, even with settings that are not new", async () => {
    host.room.configure(channel({}, { is_live: 1, live_version: 2 }));
    expect(await told()).toMatchObject([{ type: "stream_status", is_live: 1 }]);
    host.room.configure(channel({ version: 2 }, { is_live: 0, live_version: 3 }));
    expect(live()).toBe(0);
  });

  test("is none in a channel without a stream, or before anybody has come", async () => {
    world.room(8).room.streamStatus(5, 1, 2);
    expect(world.room(8).room.rev).toBe(0);
    host.room.configure(channelOf(ROOM, { version: 2 }));
    await told();
    host.room.streamStatus(5, 1, 2);
    expect(await told()).toEqual([]);
  });
});

describe("emptying it", () => {
  test("removes every message with its reactions, pinned ones too, and tells who did it and how many there were", async () => {
    host.room.configure(channelOf(ROOM, { name: "music" }));
    ear.visit();
    const moderator = doer(3, "moderator");
    for (const text of ["one", "two", "three"]) say(text);
    host.room.act(actionsOf(ROOM).pin(moderator, id(1)));
    host.room.act(actionsOf(ROOM).react(ANN, id(1), "👍"));
    await told();
    expect(host.room.clear(ROOT, "c")).toBe(3);
    expect(await told()).toMatchObject([
      { type: "channel_cleared", rev: 6, channel: "music", cleared_by: "root", message_count: 3 },
    ]);
    for (const restart of [false, true]) {
      if (restart) host.restart();
      expect(ear.visit({ snapshot: true })).toMatchObject({ rev: 6, snapshot: { history: [], pinned: [] } });
    }
    expect(host.store.exec("SELECT * FROM reactions")).toEqual([]);
    expect(say("anew")).toMatchObject({ rev: 7, message_id: id(4) });
  });

  test("by an order that comes again is done once, and answered as the first time", async () => {
    host.room.configure(channelOf(ROOM));
    for (const text of ["one", "two"]) say(text);
    expect(host.room.clear(ROOT, "first")).toBe(2);
    host.restart();
    say("said since");
    expect(host.room.clear(ROOT, "first")).toBe(2);
    expect(ear.visit({ snapshot: true })).toMatchObject({
      rev: 4,
      snapshot: { history: [{ message: { id: id(3) } }] },
    });
    expect(host.room.clear(ROOT, "second")).toBe(1);
  });

  test("an empty one is emptied, too, and one that nobody ever came to stays as it is", () => {
    expect(world.room(8).room.clear(ROOT, "c")).toBe(0);
    expect(world.room(8).room.rev).toBe(0);
    host.room.configure(channelOf(ROOM));
    expect(host.room.clear(ROOT, "c")).toBe(0);
  });
});

describe("the numbers of its newest messages", () => {
  beforeEach(() => host.room.configure(channelOf(ROOM)));

  test("are of those that were not deleted, emptied out or too old", async () => {
    for (const text of ["one", "two", "three", "four"]) say(text);
    host.room.act(actionsOf(ROOM).remove(ANN, id(3)));
    expect(host.room.newest()).toEqual([4, 2, 1]);
    host.room.act(actionsOf(ROOM).pin(doer(3, "moderator"), id(2)));
    await world.pass(RETENTION_MS);
    expect(host.room.newest()).toEqual([2]);
    say("anew");
    expect(host.room.newest()).toEqual([5, 2]);
    host.room.clear(ROOT, "c");
    expect(host.room.newest()).toEqual([]);
  });

  test("are a thousand at most", () => {
    for (let n = 0; n <= 1_000; n++) say("again");
    expect(host.room.newest()).toEqual(upTo(2, 1_001).reverse());
  });
});

describe("its end", () => {
  beforeEach(() => {
    host.room.configure(channelOf(ROOM, { name: "music" }));
    ear.visit({ entered: [chatUserOf(1)] });
    say("one");
  });

  test("is told to whoever is there, as the last change", async () => {
    await told();
    host.room.destroy();
    expect(await told()).toEqual([
      { type: "channel_deleted", channel_id: ROOM, rev: 2, channel: "music", config: undefined, ends: true },
    ]);
  });

  test("leaves nothing behind but that it was", () => {
    host.room.destroy();
    for (const table of ["messages", "reactions", "changes", "slow", "subscribers", "present"]) {
      expect(host.store.exec(`SELECT * FROM ${table}`)).toEqual([]);
    }
    expect(host.store.exec("SELECT config FROM room")).toEqual([{ config: null }]);
    expect(host.alarmAt).toBeNull();
  });

  test.each(["at once", "after a restart"])("is final %s: whatever comes late does nothing", async (when) => {
    host.room.destroy();
    if (when !== "at once") host.restart();
    await told();
    host.room.configure(channelOf(ROOM, { version: 99 }));
    expect(ear.visit({ config: channelOf(ROOM, { version: 99 }), snapshot: true })).toEqual({ ok: false });
    expect(say("two")).toMatchObject({ ok: false, code: "not_found" });
    expect(host.room.history(messageId(ROOM, 9), 50).history).toEqual([]);
    expect(host.room.thread(id(1), 1)).toEqual([]);
    expect(host.room.clear(ROOT, "c")).toBe(0);
    host.room.streamStatus(5, 1, 99);
    host.room.typing(ANN.profile);
    host.room.destroy();
    await host.room.alarm();
    await world.pass(60_000);
    expect(await told()).toEqual([]);
    expect(ear.news).toEqual([]);
    expect(host.alarmAt).toBeNull();
  });

  test("of a room that nobody ever came to holds, too", () => {
    world.room(8).room.destroy();
    world.room(8).room.configure(channelOf(8));
    expect(world.room(8).room.act(actionsOf(8).send(ANN, "hi"))).toMatchObject({ code: "not_found" });
  });

  test("that a gateway could not be told is noted, and what it was to be sent is not sent again", async () => {
    await told();
    ear.answer = () => {
      throw new Error("it is away");
    };
    say("two");
    host.room.destroy();
    await world.pass(60_000);
    expect(world.failures).toContain("a gateway was not told that its room is gone");
    expect(ear.deliveries).toHaveLength(2);
  });
});
