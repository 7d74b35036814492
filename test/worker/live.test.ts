/** The `LiveStream` object: one publisher at a time, what the database shows, and what an eviction or a failure leaves. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { eq } from "drizzle-orm";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { ChatRoom } from "../../durable-objects/chat-room.ts";
import type { BeginPublish } from "../../schema/contract/live.ts";
import type { StreamEvent } from "../../schema/contract/media.ts";
import { newJobId, newLease } from "../../schema/kit/publish-ids.ts";
import { streams } from "../../schema/tables/streams.ts";
import { eventually } from "../harness/eventually.ts";
import { connect } from "./chat.ts";
import { bindings, db, logged, newStream, newUser } from "./client.ts";
import { ended, READY, report } from "./media-worker.ts";

let owner: Awaited<ReturnType<typeof newUser>>;
beforeAll(async () => {
  owner = await newUser("user", "streamer");
});

const shown = (id: number) => db.select().from(streams).where(eq(streams.id, id)).get();

async function newLive(second_publisher: "takeover" | "refuse" = "takeover") {
  const { id, title, chat_channel_id } = await newStream(owner.token);
  const object = () => bindings.LIVE_STREAM.getByName(String(id));
  const request = (): BeginPublish => ({
    stream_id: id,
    stream_name: title,
    owner_username: owner.username,
    worker: { id: "mw_test", play_url: "http://mw_test.play.test" },
    job_id: newJobId(),
    lease: newLease(),
    second_publisher,
    record: false,
  });
  const begin = async () => {
    const asked = request();
    const reply = await object().begin(asked);
    if (!reply.ok) throw new Error(reply.message);
    const policy = { second_publisher, max_bitrate_bps: 1, record: false };
    const grant = { ...asked, ...reply.live, attempt: 1, policy };
    const say = (seq: number, body: StreamEvent, segments = 1) => object().report(report(grant, seq, body, segments));
    return { grant, say };
  };
  const isLive = (value: number) => eventually(async () => expect((await shown(id))?.is_live).toBe(value));
  return { id, title, chat_channel_id, object, request, begin, isLive };
}

/** As if time had passed: changes the object's stored record. */
const alter = (
  object: ReturnType<typeof bindings.LIVE_STREAM.getByName>,
  change: (record: Record<string, unknown>) => void,
) =>
  runInDurableObject(object, (_, state) => {
    const { value } = state.storage.sql.exec<{ value: string }>("SELECT value FROM record").one();
    const record = JSON.parse(value);
    change(record);
    state.storage.sql.exec("UPDATE record SET value = ?", JSON.stringify(record));
  });

describe("publishers that come at once", () => {
  test("are let in one after the other, eleven in a minute", async () => {
    const live = await newLive();
    const replies = await Promise.all(Array.from({ length: 20 }, () => live.object().begin(live.request())));
    expect(replies.filter((reply) => reply.ok)).toHaveLength(11);
    expect(replies.filter((reply) => !reply.ok && reply.reason === "too_many_takeovers")).toHaveLength(9);
    const epochs = replies.flatMap((reply) => (reply.ok ? [reply.live.epoch] : []));
    const sessions = replies.flatMap((reply) => (reply.ok ? [reply.live.session] : []));
    expect(new Set(epochs).size).toBe(11);
    expect(new Set(sessions).size).toBe(1);
  });

  test("are one when the stream refuses the second", async () => {
    const live = await newLive("refuse");
    const replies = await Promise.all(Array.from({ length: 20 }, () => live.object().begin(live.request())));
    expect(replies.filter((reply) => reply.ok)).toHaveLength(1);
  });
});

describe("what the database shows", () => {
  test("follows the object over a whole broadcast", async () => {
    const live = await newLive();
    const { say } = await live.begin();
    expect(await shown(live.id)).toMatchObject({ is_live: 0, live_version: 0 });
    await say(0, READY);
    await live.isLive(1);
    await live.object().viewers("isolate:a", 3);
    await say(1, ended());
    expect(await live.object().playback()).toMatchObject({ state: "grace", viewer_count: 3 });
    await alter(live.object(), (record) => {
      record.grace_until = 1;
    });
    await runDurableObjectAlarm(live.object());
    await live.isLive(0);
    const row = await shown(live.id);
    expect(row).toMatchObject({ viewer_count: 0, total_views: 3, last_target_duration: 2 });
    expect(row?.ended_at).toBeGreaterThanOrEqual(row?.started_at ?? Number.POSITIVE_INFINITY);
  });

  test("is brought up to date by the alarm after the database was away", async () => {
    const live = await newLive();
    const { say } = await live.begin();
    await bindings.DB.exec("ALTER TABLE streams RENAME TO streams_away");
    try {
      await say(0, READY);
      expect(await live.object().playback()).toMatchObject({ state: "live" });
    } finally {
      await bindings.DB.exec("ALTER TABLE streams_away RENAME TO streams");
    }
    expect((await shown(live.id))?.is_live).toBe(0);
    expect(await runDurableObjectAlarm(live.object())).toBe(true);
    await live.isLive(1);
  });

  test("is never overwritten by what is older", async () => {
    const live = await newLive();
    const { say } = await live.begin();
    await db.update(streams).set({ live_version: 1_000_000, is_live: 2 }).where(eq(streams.id, live.id));
    await say(0, READY);
    await runDurableObjectAlarm(live.object());
    expect((await shown(live.id))?.is_live).toBe(2);
  });
});

describe("the chat beside it", () => {
  /** What rooms are told of the stream. */
  function listen(stream: number) {
    const told: number[] = [];
    const take = ChatRoom.prototype.streamStatus;
    const spy = vi.spyOn(ChatRoom.prototype, "streamStatus").mockImplementation(async function (
      this: ChatRoom,
      ...status
    ) {
      if (status[0] === stream) told.push(status[1]);
      await take.apply(this, status);
    });
    onTestFinished(() => spy.mockRestore());
    return told;
  }

  test("is told of each state once, and not of viewers", async () => {
    const live = await newLive();
    const told = listen(live.id);
    const socket = await connect({ authorization: `Bearer ${owner.token}` });
    socket.send({ type: "join", channel_id: live.chat_channel_id });
    expect(await socket.next("channel_info")).toMatchObject({ stream_id: live.id, stream_is_live: 0 });
    const { say } = await live.begin();
    await say(0, READY);
    expect(await socket.next("stream_status")).toMatchObject({ stream_id: live.id, is_live: 1 });
    await alter(live.object(), (record) => {
      record.viewers_projected_at = 0;
    });
    await live.object().viewers("isolate:a", 3);
    await eventually(async () => expect((await shown(live.id))?.viewer_count).toBe(3));
    await say(1, ended());
    await alter(live.object(), (record) => {
      record.grace_until = 1;
    });
    await runDurableObjectAlarm(live.object());
    expect(await socket.next("stream_status")).toMatchObject({ is_live: 0 });
    await live.isLive(0);
    expect(told).toEqual([1, 0]);
  });

  test("is told by the alarm when it could not be told at once", async () => {
    const errors = logged("error");
    const live = await newLive();
    const told = listen(live.id);
    const { say } = await live.begin();
    await runInDurableObject(live.object(), (object) => {
      const its = object as unknown as { env: Record<string, unknown> };
      const { env } = its;
      const away = () => {
        its.env = env;
        throw new Error("the room is away");
      };
      its.env = { ...env, CHAT_ROOM: { getByName: away } };
    });
    await say(0, READY);
    await live.isLive(1);
    await eventually(() => expect(errors).toHaveLength(1));
    expect(told).toEqual([]);
    expect(await runDurableObjectAlarm(live.object())).toBe(true);
    await eventually(() => expect(told).toEqual([1]));
  });
});

describe("an eviction", () => {
  test("between any two steps changes nothing", async () => {
    const live = await newLive();
    const step = async <T>(action: () => Promise<T>): Promise<T> => {
      await live.object().playback(); // awake, so that there is something to evict
      await evictDurableObject(live.object());
      return action();
    };
    const first = await step(() => live.begin());
    await step(() => first.say(0, READY));
    await step(() => live.object().viewers("isolate:a", 2));
    await step(() => first.say(1, ended("disconnected"), 7));
    expect(await step(() => live.object().playback())).toMatchObject({ state: "grace", viewer_count: 2 });
    const second = await step(() => live.begin());
    expect(second.grant).toMatchObject({ session: first.grant.session, first_msn: 7, discontinuity_sequence: 1 });
    await step(() => second.say(0, READY));
    expect(await step(() => live.object().playback())).toMatchObject({ state: "live", epoch: second.grant.epoch });
    await step(() => second.say(1, ended()));
    await alter(live.object(), (record) => {
      record.grace_until = 1;
    });
    await step(() => runDurableObjectAlarm(live.object()));
    expect(await step(() => live.object().playback())).toMatchObject({ state: "offline" });
    const events = await runInDurableObject(live.object(), (_, state) =>
      state.storage.sql.exec<{ id: string; type: string; payload: string }>("SELECT * FROM outbox").toArray(),
    );
    expect(events.map(({ type }) => type)).toEqual(["stream.live", "stream.offline"]);
    expect(JSON.parse(events[0]?.payload ?? "")).toEqual({
      stream_id: live.id,
      stream_name: live.title,
      owner_username: "streamer",
      session: first.grant.session,
    });
    expect(events[0]?.id).toBe(`stream:${live.id}:${first.grant.session}:live`);
    await alter(live.object(), (record) => {
      record.linger_until = 1;
    });
    await step(() => runDurableObjectAlarm(live.object()));
    expect((await live.object().playback()).worker).toBeNull();
  });
});
