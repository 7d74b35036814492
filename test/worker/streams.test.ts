import { eq } from "drizzle-orm";
import { beforeAll, describe, expect, test } from "vitest";
import { ERRORS } from "../../schema/contract/errors.ts";
import { Stream, StreamInfo } from "../../schema/contract/streams.ts";
import { newKey } from "../../schema/kit/keys.ts";
import { settings } from "../../schema/tables/admin.ts";
import { chat_channels } from "../../schema/tables/chat.ts";
import { streams } from "../../schema/tables/streams.ts";
import { audited, bindings, call, db, newStream, newUser, ORIGIN } from "./client.ts";

type User = Awaited<ReturnType<typeof newUser>>;
let ada: User;
let bob: User;
let admin: User;

beforeAll(async () => {
  ada = await newUser("user", "ada");
  bob = await newUser("user", "bob");
  admin = await newUser("admin", "root_1");
});

const goLive = (id: number, viewers = 0, state = 1) =>
  db.update(streams).set({ is_live: state, viewer_count: viewers, started_at: Date.now() }).where(eq(streams.id, id));

describe("creating", () => {
  test("gives the stream flat and nested, with keys, addresses and a chat channel", async () => {
    const { status, body } = await call("POST", "/api/streams", {
      token: ada.token,
      body: { title: "  Evening show ", description: "Talk\nand music", allow_unauthenticated: 1, rtmp_enabled: false },
    });
    expect(status).toBe(201);
    const { stream, ...flat } = body;
    expect(flat).toEqual(stream);
    expect(Stream.parse(stream)).toEqual(stream);
    expect(stream).toMatchObject({
      user_id: ada.id,
      title: "Evening show",
      name: "Evening show",
      description: "Talk\nand music",
      is_public: 1,
      allow_unauthenticated: 1,
      rtmp_enabled: 0,
      record: 1,
      is_live: 0,
      viewer_count: 0,
      total_views: 0,
      chat_channel_name: `stream-ada-${stream.id}`,
      owner_username: "ada",
      thumbnail_url: null,
      started_at: null,
      ingest_url: "rtmp://127.0.0.1:1935/live",
      playback_urls: { hls: `${ORIGIN}/api/stream/${stream.public_key}/hls/index.m3u8`, webrtc: null },
    });
    expect(stream.stream_key).toMatch(/^live_[A-Za-z0-9_-]{32}$/);
    expect(stream.public_key).toMatch(/^pub_[A-Za-z0-9_-]{22}$/);
    const channel = await db.select().from(chat_channels).where(eq(chat_channels.id, stream.chat_channel_id)).get();
    expect(channel).toMatchObject({ name: `stream-ada-${stream.id}`, stream_id: stream.id, created_by: ada.id });
    const [row] = await audited("stream_create");
    expect(row).toMatchObject({
      actor_kind: "user",
      actor_id: String(ada.id),
      target_id: String(stream.id),
      target_name: "Evening show",
    });
  });

  test("takes `name` for `title`, and `title` before `name`", async () => {
    expect((await newStream(ada.token, { title: undefined, name: "By name" })).title).toBe("By name");
    expect((await newStream(ada.token, { title: "By title", name: "Other" })).name).toBe("By title");
  });

  test("keeps no key in the database that opens anything", async () => {
    const { id, stream_key } = await newStream(ada.token);
    const row = await db.select().from(streams).where(eq(streams.id, id)).get();
    expect(JSON.stringify(row)).not.toContain(stream_key);
    expect(row?.live_key_sealed).toMatch(/^1\./);
  });

  test.each([
    [{}, "title"],
    [{ title: "" }, "title"],
    [{ title: "   " }, "title"],
    [{ title: "x".repeat(101) }, "title"],
    [{ title: 7 }, "title"],
    [{ title: "a\u0007b" }, "title"],
    [{ title: "two\nlines" }, "title"],
    [{ title: "x", description: "y".repeat(2001) }, "description"],
    [{ title: "x", description: "a\u001bb" }, "description"],
    [{ title: "x", is_public: "yes" }, "is_public"],
    [{ title: "x", is_public: 2 }, "is_public"],
    [{ title: "x", rtmp_enabled: null }, "rtmp_enabled"],
    [{ title: "x", record: "no" }, "record"],
  ])("refuses %j and names the field", async (body, field) => {
    const reply = await call("POST", "/api/streams", {
      token: ada.token,
      body,
      headers: { accept: "application/problem+json" },
    });
    expect(reply.status).toBe(400);
    expect(reply.body.errors[0].field).toBe(field);
    expect(reply.body.detail).toContain(field);
  });

  test("counts code points: 100 of four bytes are a title", async () => {
    expect((await newStream(ada.token, { title: "🎬".repeat(100) })).title).toBe("🎬".repeat(100));
    const { status } = await call("POST", "/api/streams", { token: ada.token, body: { title: "🎬".repeat(101) } });
    expect(status).toBe(400);
  });

  test("a title twice is a conflict for one account, not for two", async () => {
    await newStream(ada.token, { title: "Twice" });
    const again = await call("POST", "/api/streams", { token: ada.token, body: { title: "Twice" } });
    expect(again.status).toBe(ERRORS.conflict.status);
    expect(again.body.error).toContain("title");
    await newStream(bob.token, { title: "Twice" });
  });

  test("twenty at once with one title make one stream, one channel, one audit row", async () => {
    const before = (await audited("stream_create")).length;
    const replies = await Promise.all(
      Array.from({ length: 20 }, () => call("POST", "/api/streams", { token: ada.token, body: { title: "Race" } })),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([201, ...Array<number>(19).fill(409)]);
    const rows = await db.select().from(streams).where(eq(streams.title, "Race"));
    expect(rows).toHaveLength(1);
    const channels = await db.select().from(chat_channels).where(eq(chat_channels.stream_id, rows[0]!.id));
    expect(channels).toHaveLength(1);
    expect(await audited("stream_create")).toHaveLength(before + 1);
  });

  test("is off for people, not for admins, when the operator says so", async () => {
    await db.insert(settings).values({ key: "allow_user_streams", value: false });
    expect((await call("POST", "/api/streams", { token: ada.token, body: { title: "Off" } })).status).toBe(403);
    expect((await call("GET", "/api/me", { token: ada.token })).body.permissions.can_add_streams).toBe(false);
    await newStream(admin.token, { title: "Off" });
    await db.delete(settings).where(eq(settings.key, "allow_user_streams"));
  });
});

describe("lists", () => {
  test("one's own are newest first, with keys; nobody else's are in it", async () => {
    const carol = await newUser();
    const first = await newStream(carol.token, { title: "First" });
    const second = await newStream(carol.token, { title: "Second", is_public: false });
    const { body } = await call("GET", "/api/streams", { token: carol.token });
    expect(body.streams.map((stream: Stream) => stream.id)).toEqual([second.id, first.id]);
    expect(body.streams[1].stream_key).toBe(first.stream_key);
  });

  test("public ones are sorted live, encoding, offline, then by viewers, without keys", async () => {
    const dora = await newUser();
    const ids: number[] = [];
    for (const title of ["offline", "live 5", "encoding", "live 9"])
      ids.push((await newStream(dora.token, { title })).id);
    const hidden = await newStream(dora.token, { title: "hidden", is_public: 0 });
    await goLive(ids[1]!, 5);
    await goLive(ids[2]!, 0, 2);
    await goLive(ids[3]!, 9);
    await goLive(hidden.id, 99);
    const { body, text } = await call("GET", "/api/streams/public", { token: bob.token });
    const shown = body.streams.filter((stream: Stream) => stream.user_id === dora.id);
    expect(shown.map((stream: Stream) => stream.title)).toEqual(["live 9", "live 5", "encoding", "offline"]);
    expect(text).not.toContain("live_");
    expect(text).not.toContain("ingest_url");
    const live = await call("GET", "/api/streams/public?live=true", { token: bob.token });
    expect(live.body.streams.every((stream: Stream) => stream.is_live === 1)).toBe(true);
    expect((await call("GET", "/api/streams/public?live=maybe", { token: bob.token })).status).toBe(400);
  });

  test("guests see what is public, live and open to them, and nothing else", async () => {
    const eve = await newUser();
    const make = async (fields: object, live: boolean) => {
      const { id } = await newStream(eve.token, fields as Record<string, unknown>);
      if (live) await goLive(id);
      return id;
    };
    const open = await make({ allow_unauthenticated: true }, true);
    const closed = [
      await make({ allow_unauthenticated: true }, false),
      await make({}, true),
      await make({ allow_unauthenticated: true, is_public: false }, true),
    ];
    const { status, body, text } = await call("GET", "/api/streams/open");
    expect(status).toBe(200);
    const ids = body.streams.map((stream: Stream) => stream.id);
    expect(ids).toContain(open);
    for (const id of closed) expect(ids).not.toContain(id);
    expect(text).not.toContain("live_");
    for (const path of ["/api/streams", "/api/streams/public"]) expect((await call("GET", path)).status).toBe(401);
  });
});

describe("one stream", () => {
  test("by number or pub_ key; keys for its owner, none for others", async () => {
    const { id, public_key, stream_key } = await newStream(ada.token);
    for (const ref of [id, public_key]) {
      expect((await call("GET", `/api/streams/${ref}`, { token: ada.token })).body.stream.stream_key).toBe(stream_key);
      const other = await call("GET", `/api/streams/${ref}`, { token: bob.token });
      expect(other.status).toBe(200);
      expect(other.body.stream).not.toHaveProperty("stream_key");
      expect(other.body.stream).not.toHaveProperty("ingest_url");
    }
  });

  test("a private one is 404 for others, shown to admins without its key", async () => {
    const { id, public_key } = await newStream(ada.token, { is_public: false });
    const missing = await call("GET", "/api/streams/999999", { token: bob.token });
    for (const ref of [id, public_key]) {
      const { status, body } = await call("GET", `/api/streams/${ref}`, { token: bob.token });
      expect(status).toBe(404);
      expect(body.error).toBe(missing.body.error);
      const seen = await call("GET", `/api/streams/${ref}`, { token: admin.token });
      expect(seen.body.stream).toMatchObject({ id, public_key });
      expect(seen.body.stream).not.toHaveProperty("stream_key");
    }
  });

  test("a guest sees it when it is open to guests, and otherwise learns nothing", async () => {
    const open = await newStream(ada.token, { allow_unauthenticated: true });
    const members = await newStream(ada.token);
    expect((await call("GET", `/api/streams/${open.id}`)).body.stream.id).toBe(open.id);
    for (const ref of [members.id, 999999, newKey("pub_")]) {
      expect((await call("GET", `/api/streams/${ref}`)).status).toBe(401);
    }
  });

  test.each(["0", "-1", "1.5", "abc", "1e3", "9".repeat(30), "live_x", "%00", "%ff", "..%2f1"])(
    "refuses the id %s",
    async (id) => {
      const { status } = await call("GET", `/api/streams/${id}`, { token: ada.token });
      expect([400, 404]).toContain(status);
    },
  );
});

describe("changing", () => {
  test("only what is named changes; audited", async () => {
    const { id, description, stream_key } = await newStream(ada.token, { description: "before" });
    const { status, body } = await call("PUT", `/api/streams/${id}`, {
      token: ada.token,
      body: { name: "After", allow_unauthenticated: true },
    });
    expect(status).toBe(200);
    expect(body.stream).toMatchObject({
      title: "After",
      name: "After",
      description,
      allow_unauthenticated: 1,
      stream_key,
    });
    const rows = (await audited("stream_update")).filter((row) => row.target_id === String(id));
    expect(rows).toHaveLength(1);
    expect(rows[0]?.details).toEqual({ title: "After", allow_unauthenticated: 1 });
  });

  test("to another's title of one's own is a conflict that changes nothing and is not audited", async () => {
    const one = await newStream(ada.token);
    const two = await newStream(ada.token);
    const { status } = await call("PUT", `/api/streams/${two.id}`, { token: ada.token, body: { title: one.title } });
    expect(status).toBe(409);
    expect((await audited("stream_update")).filter((row) => row.target_id === String(two.id))).toEqual([]);
  });

  test("recording is on until its owner says otherwise", async () => {
    const { id, record } = await newStream(ada.token);
    expect(record).toBe(1);
    const off = await call("PUT", `/api/streams/${id}`, { token: ada.token, body: { record: false } });
    expect(off.body.stream.record).toBe(0);
    const renamed = await call("PUT", `/api/streams/${id}`, { token: ada.token, body: { description: "as it was" } });
    expect(renamed.body.stream.record).toBe(0);
    expect((await newStream(ada.token, { record: 0 })).record).toBe(0);
  });

  test("makes a missing chat channel", async () => {
    const { id, chat_channel_id } = await newStream(ada.token);
    await db.update(streams).set({ chat_channel_id: null }).where(eq(streams.id, id));
    await db.delete(chat_channels).where(eq(chat_channels.id, chat_channel_id));
    const { body } = await call("PUT", `/api/streams/${id}`, { token: ada.token, body: {} });
    expect(body.stream.chat_channel_name).toBe(`stream-ada-${id}`);
  });

  test("who may watch refuses path tokens minted so far; a new title does not", async () => {
    const { id } = await newStream(ada.token);
    const generation = async () => (await bindings.LIVE_STREAM.getByName(String(id)).playback()).generation;
    const before = await generation();
    await call("PUT", `/api/streams/${id}`, { token: ada.token, body: { description: "new", is_public: true } });
    expect(await generation()).toBe(before);
    await call("PUT", `/api/streams/${id}`, { token: ada.token, body: { is_public: false } });
    const closed = await generation();
    expect(closed).not.toBe(before);
    await call("PUT", `/api/streams/${id}`, { token: ada.token, body: { allow_unauthenticated: true } });
    expect(await generation()).not.toBe(closed);
  });
});

describe("deleting", () => {
  test("takes the channel along, refuses path tokens, is audited, and is 404 from then on", async () => {
    const { id, public_key, stream_key, chat_channel_id } = await newStream(ada.token);
    const before = (await bindings.LIVE_STREAM.getByName(String(id)).playback()).generation;
    const { status, body } = await call("DELETE", `/api/streams/${id}`, { token: ada.token });
    expect([status, body]).toEqual([200, { success: true }]);
    expect(await db.select().from(chat_channels).where(eq(chat_channels.id, chat_channel_id))).toEqual([]);
    expect((await bindings.LIVE_STREAM.getByName(String(id)).playback()).generation).not.toBe(before);
    expect((await audited("stream_delete")).some((row) => row.target_id === String(id))).toBe(true);
    expect((await call("GET", `/api/streams/${id}`, { token: ada.token })).status).toBe(404);
    expect((await call("DELETE", `/api/streams/${id}`, { token: ada.token })).status).toBe(404);
    for (const key of [public_key, stream_key]) expect((await call("GET", `/api/stream/${key}/info`)).status).toBe(403);
  });

  test("numbers are never given out again", async () => {
    const { id } = await newStream(ada.token);
    await call("DELETE", `/api/streams/${id}`, { token: ada.token });
    expect((await newStream(ada.token)).id).toBeGreaterThan(id);
  });
});

describe("regenerating the key", () => {
  test("the old one fails at once, the new one works, the pub_ key stays", async () => {
    const { id, public_key, stream_key } = await newStream(ada.token);
    const { status, body } = await call("POST", `/api/streams/${id}/regenerate-key`, { token: ada.token });
    expect(status).toBe(200);
    expect(body.stream_key).toMatch(/^live_[A-Za-z0-9_-]{32}$/);
    expect(body.stream_key).not.toBe(stream_key);
    expect((await call("GET", `/api/stream/${stream_key}/info`)).status).toBe(403);
    expect((await call("GET", `/api/stream/${body.stream_key}/info`)).body.public_key).toBe(public_key);
    expect((await call("GET", `/api/streams/${id}`, { token: ada.token })).body.stream.stream_key).toBe(
      body.stream_key,
    );
    expect((await audited("stream_key_regenerate")).at(-1)?.target_id).toBe(String(id));
  });

  test("twenty at once: every key that was given out but the last is refused, and losers were told", async () => {
    const { id } = await newStream(ada.token);
    const replies = await Promise.all(
      Array.from({ length: 20 }, () => call("POST", `/api/streams/${id}/regenerate-key`, { token: ada.token })),
    );
    expect(replies.every(({ status }) => status === 200 || status === 409)).toBe(true);
    const given = replies.filter(({ status }) => status === 200).map(({ body }) => body.stream_key);
    const works = await Promise.all(
      given.map(async (key) => (await call("GET", `/api/stream/${key}/info`)).status === 200),
    );
    expect(works.filter(Boolean)).toHaveLength(1);
  });
});

describe("somebody else's stream", () => {
  test.each([
    ["PUT", "", 404],
    ["DELETE", "", 404],
    // The one operation whose contract names 403, for unknown ones alike.
    ["POST", "/regenerate-key", 403],
  ])("%s %s says %d, as for one that does not exist; nothing changes", async (method, suffix, expected) => {
    for (const fields of [{ is_public: true }, { is_public: false }]) {
      const { id, stream_key } = await newStream(ada.token, fields);
      for (const token of [bob.token, admin.token]) {
        const theirs = await call(method, `/api/streams/${id}${suffix}`, { token, body: { title: "mine now" } });
        const missing = await call(method, `/api/streams/999999${suffix}`, { token, body: { title: "mine now" } });
        expect(theirs.status).toBe(expected);
        expect({ ...theirs.body, request_id: "" }).toEqual({ ...missing.body, request_id: "" });
      }
      expect((await call(method, `/api/streams/${id}${suffix}`, { body: { title: "mine now" } })).status).toBe(401);
      expect((await call("GET", `/api/streams/${id}`, { token: ada.token })).body.stream.stream_key).toBe(stream_key);
    }
  });
});

describe("a stream key as a credential", () => {
  test("acts for its own stream only", async () => {
    const mine = await newStream(ada.token);
    const other = await newStream(ada.token, { is_public: false });
    const forms: Record<string, string>[] = [
      { "x-stream-key": mine.stream_key },
      { authorization: `Stream-Key ${mine.stream_key}` },
    ];
    for (const headers of forms) {
      const list = await call("GET", "/api/streams", { headers });
      expect(list.body.streams.map((stream: Stream) => stream.id)).toEqual([mine.id]);
      expect((await call("GET", `/api/streams/${mine.id}`, { headers })).body.stream.stream_key).toBe(mine.stream_key);
      expect((await call("GET", `/api/streams/${other.id}`, { headers })).status).toBe(404);
      expect((await call("DELETE", `/api/streams/${other.id}`, { headers })).status).toBe(404);
      expect((await call("POST", "/api/streams", { headers, body: { title: "new" } })).status).toBe(403);
      expect((await call("GET", "/api/me", { headers })).body).toMatchObject({
        username: "ada",
        scopes: ["stream", "stream:read", "stream:write"],
      });
      const updated = await call("PUT", `/api/streams/${mine.id}`, { headers, body: { description: "by key" } });
      expect(updated.status).toBe(200);
    }
    expect((await audited("stream_update")).at(-1)).toMatchObject({
      actor_kind: "stream_key",
      actor_id: String(ada.id),
    });
  });

  test("does not make its owner's rights its own", async () => {
    const { stream_key } = await newStream(admin.token);
    const secret = await newStream(ada.token, { is_public: false });
    const headers = { "x-stream-key": stream_key };
    expect((await call("GET", `/api/streams/${secret.id}`, { headers })).status).toBe(404);
  });

  test.each(["live_", newKey("live_"), newKey("pub_"), "' OR 1=1 --", "x".repeat(5000)])(
    "refuses %.40s",
    async (key) => {
      expect((await call("GET", "/api/streams", { headers: { "x-stream-key": key } })).status).toBe(401);
    },
  );
});

describe("info by key", () => {
  test("says what a viewer may know, and never the live_ key", async () => {
    const { id, public_key, stream_key, title, chat_channel_id } = await newStream(ada.token);
    await goLive(id, 3);
    for (const key of [public_key, stream_key]) {
      const { status, body, text } = await call("GET", `/api/stream/${key}/info`);
      expect(status).toBe(200);
      expect(StreamInfo.parse(body)).toEqual(body);
      expect(body).toMatchObject({
        public_key,
        title,
        name: title,
        is_live: 1,
        is_public: 1,
        viewer_count: 3,
        chat_channel_id,
      });
      expect(body.playback).toEqual({ hls: `${ORIGIN}/api/stream/${public_key}/hls/index.m3u8`, webrtc_whep: null });
      expect(text).not.toContain("live_");
    }
  });

  test("of a private stream: for holders of the live_ key, its owner and admins", async () => {
    const { public_key, stream_key } = await newStream(ada.token, { is_public: false });
    const path = `/api/stream/${public_key}/info`;
    expect((await call("GET", `/api/stream/${stream_key}/info`)).status).toBe(200);
    expect((await call("GET", path)).status).toBe(403);
    expect((await call("GET", path, { token: bob.token })).status).toBe(403);
    expect((await call("GET", path, { token: ada.token })).status).toBe(200);
    expect((await call("GET", path, { token: admin.token })).status).toBe(200);
  });

  test.each(["x", newKey("live_"), newKey("pub_"), "pub_%00", "live_%27%20OR%201=1", "z".repeat(199)])(
    "refuses %.40s with 403",
    async (key) => {
      expect((await call("GET", `/api/stream/${key}/info`)).status).toBe(403);
    },
  );
});
