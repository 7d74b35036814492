/** The owner's library: what is in it, whose it is, and what a change or a deletion does. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { eq } from "drizzle-orm";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { Vod } from "../../schema/contract/vods.ts";
import { doomed_objects, vod_parts, vods } from "../../schema/tables/vods.ts";
import { app } from "../../workers/application.ts";
import type { Env } from "../../workers/core/env.ts";
import { objectStore } from "../../workers/core/s3.ts";
import { removeDoomed } from "../../workers/vods/remove-doomed.ts";
import { audited, bindings, call, db, logged, newStream, newUser, ORIGIN, system } from "./client.ts";
import { isStored, mediaBytes, newVod, putObject } from "./recordings.ts";

type User = Awaited<ReturnType<typeof newUser>>;
let ada: User;
let bob: User;
beforeAll(async () => {
  ada = await newUser("user", "ada");
  bob = await newUser("user", "bob");
});

const library = (path = "", token = ada.token, method = "GET", body?: unknown) =>
  call(method, `/api/library${path}`, { token, ...(body !== undefined && { body }) });

describe("the list", () => {
  test("is one's own, newest first, in pages, with how many there are", async () => {
    const user = await newUser();
    const made = [];
    for (let index = 0; index < 5; index++) {
      made.push(await newVod({ user, title: `Show ${index}`, started_at: 1_000_000 + index }));
    }
    await newVod({ user: bob });
    const all = await library("", user.token);
    expect(all.status).toBe(200);
    expect(all.body.total).toBe(5);
    expect(all.body.vods.map((vod: Vod) => vod.title)).toEqual(["Show 4", "Show 3", "Show 2", "Show 1", "Show 0"]);
    for (const vod of all.body.vods) expect(Vod.parse(vod)).toEqual(vod);
    const page = await library("?limit=2&offset=1", user.token);
    expect(page.body.vods.map((vod: Vod) => vod.title)).toEqual(["Show 3", "Show 2"]);
    expect(page.body.total).toBe(5);
    expect((await library("?offset=5", user.token)).body).toEqual({ vods: [], total: 5 });
    expect(made[0]!.id).toBe(all.body.vods[4].id);
  });

  test("can be narrowed to a stream and to a state", async () => {
    const user = await newUser();
    const one = await newStream(user.token);
    const two = await newStream(user.token);
    const ready = await newVod({ user, stream: one });
    const live = await newVod({ user, stream: one, status: "recording", parts: [] });
    const other = await newVod({ user, stream: two });
    const ids = async (query: string) => (await library(query, user.token)).body.vods.map((vod: Vod) => vod.id);
    expect(await ids(`?stream_id=${one.id}`)).toEqual([live.id, ready.id]);
    expect(await ids(`?stream_id=${one.id}&status=ready`)).toEqual([ready.id]);
    expect(await ids("?status=ready")).toEqual([other.id, ready.id]);
    expect(await ids(`?stream_id=${9_999_999}`)).toEqual([]);
  });

  test("shows what is known: times in seconds, gaps, parts that can be played", async () => {
    const user = await newUser();
    const stream = await newStream(user.token);
    const vod = await newVod({
      user,
      stream,
      status: "truncated",
      started_at: Date.UTC(2026, 10, 21),
      parts: [
        { epoch: "b", duration_ms: 8_250 },
        { epoch: "a", width: null, height: null },
        { state: "uploading" },
        { state: "failed" },
      ],
      row: {
        error: "its end is missing",
        duration_ms: 16_250,
        size: 6_000,
        gaps: [{ at: 8, duration: 2.5, cause: "publisher_away" }],
        has_thumbnail: 1,
        storyboard: { columns: 1, rows: 1, tile_width: 160, tile_height: 90, count: 1, step: 10 },
      },
    });
    const { body } = await library("", user.token);
    const url = `${ORIGIN}/api/vod/${vod.public_id}`;
    expect(body.vods).toEqual([
      {
        id: vod.id,
        public_id: vod.public_id,
        stream_id: stream.id,
        title: "Evening show",
        visibility: "public",
        status: "truncated",
        error: "its end is missing",
        started_at: "2026-11-21T00:00:00.000Z",
        ended_at: null,
        duration: 16.25,
        size: 6_000,
        thumbnail_url: `${url}/thumbnail.jpg`,
        storyboard: {
          url: `${url}/storyboard.jpg`,
          columns: 1,
          rows: 1,
          tile_width: 160,
          tile_height: 90,
          count: 1,
          step: 10,
        },
        playback_url: `${url}/index.m3u8`,
        gaps: [{ at: 8, duration: 2.5, cause: "publisher_away" }],
        parts: [
          { n: 1, duration: 8, size: 3_000, width: null, height: null, codecs: "avc1.64001f,mp4a.40.2" },
          { n: 2, duration: 8.25, size: 3_000, width: 1280, height: 720, codecs: "avc1.64001f,mp4a.40.2" },
        ],
      },
    ]);
  });

  test("of fifty costs two requests to the database, who asks included", async () => {
    const user = await newUser();
    for (let index = 0; index < 50; index++) await newVod({ user, parts: [{}, {}] });
    let trips = 0;
    const counted = new Proxy(bindings.DB, {
      get(database, name) {
        const value = Reflect.get(database, name);
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          if (name === "batch") trips += 1;
          return value.apply(database, args);
        };
      },
    });
    const execution = createExecutionContext();
    const request = new Request(`${ORIGIN}/api/library`, { headers: { authorization: `Bearer ${user.token}` } });
    const response = await app.fetch(request, { ...bindings, DB: counted } as Env, execution);
    const body = (await response.json()) as { vods: Vod[] };
    await waitOnExecutionContext(execution);
    expect(body.vods).toHaveLength(50);
    for (const vod of body.vods) expect(vod.parts).toHaveLength(2);
    expect(trips).toBe(1);
  });

  test.each([
    "limit=0",
    "limit=101",
    "limit=-1",
    "limit=1e1",
    "limit=",
    "offset=-1",
    "offset=x",
    "status=gone",
    "stream_id=0",
    "stream_id=1.5",
  ])("refuses ?%s", async (query) => {
    expect((await library(`?${query}`)).status).toBe(400);
  });

  test("of a stream's key is that stream's", async () => {
    const user = await newUser();
    const one = await newStream(user.token);
    const two = await newStream(user.token);
    const mine = await newVod({ user, stream: one });
    const other = await newVod({ user, stream: two });
    const headers = { "x-stream-key": one.stream_key };
    const { body } = await call("GET", "/api/library", { headers });
    expect([body.total, body.vods.map((vod: Vod) => vod.id)]).toEqual([1, [mine.id]]);
    expect((await call("GET", `/api/library/${mine.id}`, { headers })).status).toBe(200);
    expect((await call("GET", `/api/library/${other.id}`, { headers })).status).toBe(404);
  });

  test("is nobody's without an account", async () => {
    expect((await call("GET", "/api/library")).status).toBe(401);
  });
});

describe("one recording", () => {
  test("comes with an address to download each part for an hour", async () => {
    const vod = await newVod({ user: ada, parts: [{}, {}], visibility: "private" });
    const { status, body } = await library(`/${vod.id}`);
    expect(status).toBe(200);
    expect(Vod.parse(body.vod)).toEqual(body.vod);
    const [first, second] = body.vod.parts;
    expect(body.vod.download_url).toBe(first.download_url);
    expect(second.download_url).not.toBe(first.download_url);
    const expires = Number(/token=download\.(\d+)\./.exec(first.download_url)?.[1]);
    expect(expires - Date.now() / 1000).toBeGreaterThan(3_500);
    expect(expires - Date.now() / 1000).toBeLessThan(4_000);
  });

  test("names the same addresses a moment later, so that a player can go on", async () => {
    const vod = await newVod({ user: ada, visibility: "private", row: { has_thumbnail: 1 } });
    const [one, two] = [await library(`/${vod.id}`), await library(`/${vod.id}`)];
    expect(one.body.vod.playback_url).toContain("?token=play.");
    expect(one.body.vod.thumbnail_url).toContain("?token=play.");
    expect(two.body.vod.playback_url).toBe(one.body.vod.playback_url);
  });

  test("without anything to play has no address for it", async () => {
    const vod = await newVod({ user: ada, status: "recording", parts: [{ state: "uploading", runs: [] }] });
    const { body } = await library(`/${vod.id}`);
    expect(body.vod).toMatchObject({ playback_url: null, thumbnail_url: null, storyboard: null, parts: [] });
    expect(body.vod).not.toHaveProperty("download_url");
    expect(body.vod).not.toHaveProperty("error");
  });

  test("outlives its stream", async () => {
    const stream = await newStream(ada.token);
    const vod = await newVod({ user: ada, stream });
    await call("DELETE", `/api/streams/${stream.id}`, { token: ada.token });
    expect((await library(`/${vod.id}`)).body.vod.stream_id).toBeNull();
    expect((await call("GET", `/api/vod/${vod.public_id}`)).body.vod).toMatchObject({
      stream_id: null,
      stream_name: null,
      stream_public_key: null,
    });
  });

  test.each(["GET", "PUT", "DELETE"])("of somebody else is unknown to %s", async (method) => {
    const vod = await newVod({ user: ada });
    const body = method === "PUT" ? { title: "Mine" } : undefined;
    expect((await library(`/${vod.id}`, bob.token, method, body)).status).toBe(404);
    expect((await library("/999999999", bob.token, method, body)).status).toBe(404);
    expect(await db.select().from(vods).where(eq(vods.id, vod.id)).get()).toMatchObject({ title: "Evening show" });
  });

  test.each([
    "0",
    "-1",
    "1.5",
    "abc",
    "1e3",
    "9".repeat(30),
    "vod_aaaaaaaaaaaaaaaa",
    "%00",
    "%ff",
    "..%2f1",
    "1%20or%201",
  ])("has a number: %s is none", async (id) => {
    for (const method of ["GET", "DELETE"]) expect((await library(`/${id}`, ada.token, method)).status).toBe(400);
  });
});

describe("changing", () => {
  test("only what is named changes; audited", async () => {
    const vod = await newVod({ user: ada });
    const renamed = await library(`/${vod.id}`, ada.token, "PUT", { title: "  Best of " });
    expect(renamed.status).toBe(200);
    expect(renamed.body.vod).toMatchObject({
      title: "Best of",
      visibility: "public",
      download_url: expect.any(String),
    });
    const hidden = await library(`/${vod.id}`, ada.token, "PUT", { visibility: "private" });
    expect(hidden.body.vod).toMatchObject({ title: "Best of", visibility: "private" });
    const rows = (await audited("vod_update")).filter((row) => row.target_id === String(vod.id));
    expect(rows.map((row) => row.details)).toEqual([{ title: "Best of" }, { visibility: "private" }]);
  });

  test.each([
    {},
    { other: 1 },
    { title: "" },
    { title: " " },
    { title: "x".repeat(101) },
    { title: "two\nlines" },
    { title: "a\u0000b" },
    { title: "a\u0007b" },
    { title: null },
    { visibility: "secret" },
    { visibility: 1 },
  ])("refuses %j", async (body) => {
    const vod = await newVod({ user: ada });
    expect((await library(`/${vod.id}`, ada.token, "PUT", body)).status).toBe(400);
    expect(await db.select().from(vods).where(eq(vods.id, vod.id)).get()).toEqual(vod);
  });

  test("by a cookie is not for other sites", async () => {
    const vod = await newVod({ user: ada });
    for (const method of ["PUT", "DELETE"]) {
      const reply = await call(method, `/api/library/${vod.id}`, {
        headers: { cookie: `portal_session=${ada.token}`, origin: "https://evil.example" },
        ...(method === "PUT" && { body: { visibility: "public" } }),
      });
      expect(reply.status).toBe(403);
    }
  });
});

describe("deleting", () => {
  test("takes the row, its parts and its objects, uploads that were under way too", async () => {
    const vod = await newVod({
      user: ada,
      parts: [{ epoch: "a" }, { epoch: "b" }],
      row: { has_thumbnail: 1 },
    });
    const store = objectStore(system());
    const under = `vods/${vod.public_id}`;
    const keys = [`${under}/a-0.mp4`, `${under}/b-1.mp4`, `${under}/thumbnail.jpg`, `${under}/storyboard.jpg`];
    for (const key of keys) await putObject(key, mediaBytes(100));
    const key = `${under}/c-2.mp4`;
    const upload_id = await store.createUpload(key, "video/mp4");
    const [row] = await db.select().from(vod_parts).where(eq(vod_parts.vod_id, vod.id));
    const uploading = { id: `${row!.id}_c`, epoch: "c", n: 2, state: "uploading", object_key: key, upload_id } as const;
    await db.insert(vod_parts).values({ ...row!, ...uploading });

    const { status, body } = await library(`/${vod.id}`, ada.token, "DELETE");
    expect([status, typeof body.message]).toEqual([200, "string"]);
    expect((await library(`/${vod.id}`)).status).toBe(404);
    expect((await call("GET", `/api/vod/${vod.public_id}`)).status).toBe(404);
    expect(await db.select().from(vod_parts).where(eq(vod_parts.vod_id, vod.id))).toEqual([]);
    await vi.waitFor(async () => expect(await db.select().from(doomed_objects)).toEqual([]), { timeout: 20_000 });
    for (const each of keys) expect(await isStored(each), each).toBe(false);
    const slice = await store.presignSlice(key, upload_id, 1, 60);
    const late = await (bindings.S3 ?? globalThis).fetch(slice, { method: "PUT", body: mediaBytes(10) });
    expect([late.status, (await late.text()).includes("NoSuchUpload")]).toEqual([404, true]);
    const rows = (await audited("vod_delete")).filter((each) => each.target_id === String(vod.id));
    expect(rows).toMatchObject([{ actor_id: String(ada.id), target_name: "Evening show" }]);
    expect((await library(`/${vod.id}`, ada.token, "DELETE")).status).toBe(404);
  });

  test("is refused while it is being recorded, and leaves everything", async () => {
    const vod = await newVod({ user: ada, status: "recording" });
    const reply = await library(`/${vod.id}`, ada.token, "DELETE");
    expect([reply.status, reply.body.error]).toEqual([409, expect.stringContaining("recorded")]);
    expect(await db.select().from(vods).where(eq(vods.id, vod.id)).get()).toEqual(vod);
    const doomed = await db.select().from(doomed_objects);
    expect(doomed.filter(({ key }) => key.includes(vod.public_id))).toEqual([]);
    expect((await audited("vod_delete")).filter((row) => row.target_id === String(vod.id))).toEqual([]);
  });

  test("ten at once are one deletion", async () => {
    const vod = await newVod({ user: ada });
    const replies = await Promise.all(Array.from({ length: 10 }, () => library(`/${vod.id}`, ada.token, "DELETE")));
    expect(replies.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(9).fill(404)]);
    expect((await audited("vod_delete")).filter((row) => row.target_id === String(vod.id))).toHaveLength(1);
  });

  test("is tried again later when the bucket is away", async () => {
    logged("error");
    await db.delete(doomed_objects);
    await db.insert(doomed_objects).values({ key: "vods/vod_x/1.mp4", created_at: 1 });
    const now = Date.now();
    const away = { fetch: async () => new Response("no", { status: 503 }) } as unknown as Fetcher;
    const ctx = { ...system(), env: { ...bindings, S3: away }, now: () => now };
    expect(await removeDoomed(ctx)).toBe(0);
    const [row] = await db.select().from(doomed_objects);
    expect(row).toMatchObject({ attempts: 1, not_before: now + 60_000 });
    expect(await removeDoomed({ ...system(), now: () => now + 59_000 })).toBe(0);
    expect(await removeDoomed({ ...system(), now: () => now + 60_000 })).toBe(1);
    expect(await db.select().from(doomed_objects)).toEqual([]);
  });
});
