/** Watching recordings: who may, what is told of them, and what their playlists lead to. */
import { eq } from "drizzle-orm";
import { beforeAll, describe, expect, test } from "vitest";
import { PublicVod } from "../../schema/contract/vods.ts";
import { streams } from "../../schema/tables/streams.ts";
import { vod_parts } from "../../schema/tables/vods.ts";
import { call, db, newStream, newUser, ORIGIN } from "./client.ts";
import {
  fetchRaw,
  MEDIA,
  mediaBytes,
  type NewVod,
  newVod,
  putObject,
  storedVod,
  vodPath,
  vodToken,
} from "./recordings.ts";

type User = Awaited<ReturnType<typeof newUser>>;
type Stream = { id: number; stream_key: string; public_key: string };
let owner: User;
let stranger: User;
let admin: User;
let stream: Stream;
let otherStream: Stream;
beforeAll(async () => {
  owner = await newUser();
  stranger = await newUser();
  admin = await newUser("admin");
  stream = await newStream(owner.token);
  otherStream = await newStream(owner.token);
});

const stored = (fields: Partial<NewVod> = {}) => storedVod({ user: owner, stream, ...fields });

describe("who may watch", () => {
  const NAMES = ["", "index.m3u8", "parts/1.mp4", "thumbnail.jpg", "storyboard.jpg"];

  /** The statuses of everything there is of the VOD, once each. */
  async function statuses(vod: { public_id: string }, query = "", headers: Record<string, string> = {}) {
    const replies = await Promise.all(NAMES.map((name) => fetchRaw(`${vodPath(vod, name)}${query}`, { headers })));
    return [...new Set(replies.map(({ status }) => status))];
  }

  const callers: [string, (vod: { public_id: string }) => Promise<[query: string, headers: Record<string, string>]>][] =
    [
      ["nobody", async () => ["", {}]],
      ["another account", async () => ["", { authorization: `Bearer ${stranger.token}` }]],
      ["an admin", async () => ["", { authorization: `Bearer ${admin.token}` }]],
      ["another account's cookie", async () => ["", { cookie: `portal_session=${stranger.token}` }]],
      ["the key of another stream", async () => ["", { "x-stream-key": otherStream.stream_key }]],
      [
        "the token of another VOD",
        async () => [`?token=${await vodToken({ public_id: "vod_aaaaaaaaaaaaaaaa" }, "play")}`, {}],
      ],
      ["an expired token", async (vod) => [`?token=${await vodToken(vod, "play", Date.now() - 14 * 3600_000)}`, {}]],
      [
        "a changed token",
        async (vod) => [`?token=${(await vodToken(vod, "play")).replace(/\.\d+\./, ".9999999999.")}`, {}],
      ],
      [
        "a token for another use",
        async (vod) => [`?token=${(await vodToken(vod, "play")).replace("play", "download")}`, {}],
      ],
      ["nonsense", async () => ["?token=play.1.%00", {}]],
    ];

  test.each(callers)("a private one is unknown to %s", async (_name, caller) => {
    const vod = await stored({ visibility: "private" });
    expect(await statuses(vod, ...(await caller(vod)))).toEqual([404]);
  });

  test.each(callers)("public and unlisted ones are there for %s", async (_name, caller) => {
    for (const visibility of ["public", "unlisted"] as const) {
      const vod = await stored({ visibility });
      expect(await statuses(vod, ...(await caller(vod)))).toEqual([200]);
    }
  });

  test("a private one is there for its owner, by every credential, and by its own token", async () => {
    const vod = await stored({ visibility: "private" });
    expect(await statuses(vod, "", { authorization: `Bearer ${owner.token}` })).toEqual([200]);
    expect(await statuses(vod, "", { cookie: `portal_session=${owner.token}` })).toEqual([200]);
    expect(await statuses(vod, `?token=${owner.token}`)).toEqual([200]);
    expect(await statuses(vod, "", { "x-stream-key": stream.stream_key })).toEqual([200]);
    expect(await statuses(vod, `?token=${await vodToken(vod, "play")}`)).toEqual([200]);
  });

  test("a download token opens the file, and nothing else", async () => {
    const vod = await stored({ visibility: "private" });
    const query = `?token=${await vodToken(vod, "download")}`;
    const replies = await Promise.all(NAMES.map((name) => fetchRaw(`${vodPath(vod, name)}${query}`)));
    expect(replies.map(({ status }) => status)).toEqual([404, 404, 200, 404, 404]);
  });

  test("a token leads to nothing that outlives it", async () => {
    const vod = await stored({ visibility: "private" });
    const token = await vodToken(vod, "play", Date.now() - 2 * 3600_000);
    const { body } = await call("GET", `${vodPath(vod)}?token=${token}`);
    expect(body.vod.playback_url).toBe(`${ORIGIN}${vodPath(vod, "index.m3u8")}?token=${token}`);
    const { text } = await call("GET", `${vodPath(vod, "index.m3u8")}?token=${token}`);
    expect(text.match(/token=/g)).toHaveLength(3);
    expect(text.split(`&token=${token}`)).toHaveLength(4);
  });

  test("hiding a recording takes it away at once, deleting it too", async () => {
    const vod = await stored();
    await call("PUT", `/api/library/${vod.id}`, { token: owner.token, body: { visibility: "private" } });
    expect(await statuses(vod)).toEqual([404]);
    const token = await vodToken(vod, "play");
    await call("DELETE", `/api/library/${vod.id}`, { token: owner.token });
    expect(await statuses(vod, `?token=${token}`)).toEqual([404]);
  });

  test.each([
    "vod_",
    "vod_aaaaaaaaaaaaaaaa",
    "vod_aaaaaaaaaaaaaaa%27",
    "1",
    "%00",
    "..%2f..%2flibrary",
    "vod_%2e%2e%2f%2e%2e%2f1",
    "__proto__",
    "🎬",
    "x".repeat(65),
    "x".repeat(4_000),
  ])("%s is none", async (id) => {
    for (const name of NAMES) {
      const { status } = await call("GET", `/api/vod/${id}${name && `/${name}`}`);
      expect([400, 404]).toContain(status);
    }
  });
});

describe("what is told of one", () => {
  test("is what a viewer may know", async () => {
    const vod = await stored({ row: { error: "a reason of ours", duration_ms: 8_000, size: 3_000 } });
    const { status, body, headers } = await call("GET", vodPath(vod));
    expect(status).toBe(200);
    expect(PublicVod.parse(body.vod)).toEqual(body.vod);
    expect(body.vod).toMatchObject({
      public_id: vod.public_id,
      owner_username: owner.username,
      stream_public_key: stream.public_key,
      playback_url: `${ORIGIN}${vodPath(vod, "index.m3u8")}`,
      duration: 8,
    });
    expect(JSON.stringify(body)).not.toMatch(/download|error|reason of ours|session|worker/);
    expect(headers.get("access-control-allow-origin")).toBe("*");
  });

  test("leaves out the key of a stream that is not public, and what it is called today", async () => {
    const hidden = await newStream(owner.token, { is_public: false, title: "Board meeting" });
    const vod = await stored({ stream: hidden });
    const { body, text } = await call("GET", vodPath(vod));
    expect(body.vod).toMatchObject({ stream_public_key: null, stream_name: null });
    expect(text).not.toContain("Board meeting");
  });
});

describe("the recordings of a stream", () => {
  const list = async (key: string) => {
    const { status, body } = await call("GET", `/api/vod?stream=${encodeURIComponent(key)}`);
    expect(status).toBe(200);
    for (const vod of body.vods) expect(PublicVod.parse(vod)).toEqual(vod);
    return body.vods.map((vod: PublicVod) => vod.public_id);
  };

  test("are the public ones that can be played, newest first", async () => {
    const of = await newStream(owner.token);
    const vod = (fields: Partial<NewVod>) => newVod({ user: owner, stream: of, ...fields });
    const old = await vod({ started_at: 1_000, status: "truncated" });
    const recent = await vod({ started_at: 2_000 });
    const processing = await vod({ started_at: 3_000, status: "processing" });
    await vod({ visibility: "unlisted" });
    await vod({ visibility: "private" });
    await vod({ status: "recording" });
    await vod({ status: "failed", parts: [{ state: "failed" }] });
    await vod({ status: "processing", parts: [{ state: "uploading", runs: [] }] });
    await newVod({ user: owner, stream: otherStream });
    expect(await list(of.public_key)).toEqual([processing, recent, old].map(({ public_id }) => public_id));
  });

  test("are none of a stream that is not public, or unknown", async () => {
    const of = await newStream(owner.token);
    await newVod({ user: owner, stream: of });
    await db.update(streams).set({ is_public: 0 }).where(eq(streams.id, of.id));
    for (const key of [of.public_key, of.stream_key, "", "1", "' OR 1=1 --"]) expect(await list(key)).toEqual([]);
    expect((await call("GET", "/api/vod")).status).toBe(400);
    expect((await call("GET", `/api/vod?stream=${"x".repeat(201)}`)).status).toBe(400);
  });
});

describe("the playlist", () => {
  test("of three parts leads to every byte of each, whatever moves meanwhile", async () => {
    const vod = await stored({ parts: [{ epoch: "b" }, { epoch: "b", n: 1 }, { epoch: "c", n: 0 }] });
    const before = (await call("GET", vodPath(vod, "index.m3u8"))).text;
    expect(before.match(/#EXT-X-DISCONTINUITY$/gm)).toHaveLength(2);
    const media = [...before.matchAll(/#EXT-X-BYTERANGE:(\d+)@(\d+)\n(.*)/g)];
    expect(media).toHaveLength(6);
    // A media worker that was away hands in what came first.
    const [part] = await db.select().from(vod_parts).where(eq(vod_parts.vod_id, vod.id));
    const object_key = `vods/${vod.public_id}/a-0.mp4`;
    await db.insert(vod_parts).values({ ...part!, id: `${part!.id}_late`, epoch: "a", n: 0, object_key });
    await putObject(object_key, mediaBytes(3_000, 77));
    const after = (await call("GET", vodPath(vod, "index.m3u8"))).text;
    expect(after).toContain("parts/1.mp4?v=a-0\n");
    expect(after).toContain("parts/4.mp4?v=c-0\n");
    for (const [, size, offset, uri] of media) {
      const [from, to] = [Number(offset), Number(offset) + Number(size)];
      const { status, bytes } = await fetchRaw(vodPath(vod, uri), { headers: { range: `bytes=${from}-${to - 1}` } });
      expect([status, bytes]).toEqual([206, MEDIA.slice(from, to)]);
    }
    expect((await fetchRaw(vodPath(vod, "parts/1.mp4"))).bytes).toEqual(mediaBytes(3_000, 77));
  });

  test("is asked about each time, and not sent when it is known", async () => {
    const vod = await stored({ visibility: "private" });
    const headers = { authorization: `Bearer ${owner.token}` };
    const first = await call("GET", vodPath(vod, "index.m3u8"), { headers });
    expect(first.headers.get("content-type")).toBe("application/vnd.apple.mpegurl");
    expect(first.headers.get("cache-control")).toBe("private, no-cache");
    expect(first.headers.get("access-control-allow-origin")).toBe("*");
    const etag = first.headers.get("etag") ?? "";
    const again = await call("GET", vodPath(vod, "index.m3u8"), {
      headers: { ...headers, "if-none-match": `"x", ${etag}` },
    });
    expect([again.status, again.text, again.headers.get("etag")]).toEqual([304, "", etag]);
    await db
      .update(vod_parts)
      .set({ runs: [[2_000, 8_000]] })
      .where(eq(vod_parts.vod_id, vod.id));
    const changed = await call("GET", vodPath(vod, "index.m3u8"), { headers: { ...headers, "if-none-match": etag } });
    expect(changed.status).toBe(200);
    const head = await call("HEAD", vodPath(vod, "index.m3u8"), { headers });
    expect([head.status, head.text]).toEqual([200, ""]);
  });

  test("is gzipped for who takes it", async () => {
    const vod = await stored();
    const headers = { "accept-encoding": "gzip" };
    const { status, headers: got } = await call("GET", vodPath(vod, "index.m3u8"), { headers });
    expect([status, got.get("content-encoding"), got.get("vary")]).toEqual([200, "gzip", "Accept-Encoding"]);
  });

  test("is not there while there is nothing to play, and says so", async () => {
    const none: NewVod["parts"] = [{ state: "uploading", runs: [] }];
    for (const status of ["recording", "processing", "failed"] as const) {
      const vod = await newVod({ user: owner, status, parts: none });
      const reply = await call("GET", vodPath(vod, "index.m3u8"), { headers: { origin: "https://site.example" } });
      expect([reply.status, reply.body.error]).toEqual([
        404,
        expect.stringMatching(/^There is nothing to play( yet)?$/),
      ]);
      expect(reply.headers.get("access-control-allow-origin")).toBe("*");
    }
  });
});
