/** HLS through the edge: who may watch, what a path token opens, what reaches the media worker, what its failures become. */
import { createExecutionContext, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { exports } from "cloudflare:workers";
import { eq } from "drizzle-orm";
import { beforeAll, describe, expect, test } from "vitest";
import { currentKey, EDGE, linkKeys } from "../../schema/kit/link-keys.ts";
import { mintPathToken, type PathClaims, verifyPathToken } from "../../schema/kit/path-token.ts";
import { streams } from "../../schema/tables/streams.ts";
import { fetchWithin, MediaCache, mediaRequest } from "../../workers/streams/playback-cache.ts";
import { eventually } from "../harness/eventually.ts";
import { bindings, type Call, call, db, newStream, newUser, ORIGIN, type Reply } from "./client.ts";
import { ended, TestMediaWorker } from "./media-worker.ts";

type User = Awaited<ReturnType<typeof newUser>>;
let owner: User;
let worker: TestMediaWorker;
beforeAll(async () => {
  owner = await newUser();
  worker = await TestMediaWorker.enrol();
  await worker.connect();
});

type LiveStream = { id: number; stream_key: string; public_key: string };

async function liveStream(fields: Record<string, unknown> = {}, by = worker): Promise<LiveStream> {
  const stream = await newStream(owner.token, fields);
  await by.publish(stream.stream_key);
  const object = bindings.LIVE_STREAM.getByName(String(stream.id));
  await eventually(async () => expect((await object.playback()).state).toBe("live"));
  return stream;
}

const hls = (key: string, path = "index.m3u8", options?: Call, method = "GET") =>
  call(method, `/api/stream/${key}/hls/${path}`, options);

/** The path token of a fresh master playlist. */
async function watch(key: string): Promise<string> {
  const { text } = await hls(key);
  const token = /^([\w.-]+)\/source\.m3u8$/m.exec(text)?.[1];
  if (!token) throw new Error(`no token in: ${text}`);
  return token;
}

const edgeKeys = async () => (await linkKeys(bindings.SLUICE_SECRET, EDGE, Date.now())).path;
const mint = async (claims: PathClaims, bound: string) =>
  mintPathToken(currentKey(await edgeKeys(), Date.now()), claims, bound);
const refusal = ({ status, body }: Reply) => ({ status, error: typeof body?.error });

describe("the master playlist", () => {
  test("of a public stream is anyone's, and leads to its rendition by a path token", async () => {
    const { public_key, stream_key, id } = await liveStream();
    for (const key of [public_key, stream_key]) {
      const { status, text, headers } = await hls(key);
      expect(status).toBe(200);
      expect(headers.get("content-type")).toBe("application/vnd.apple.mpegurl");
      expect(headers.get("access-control-allow-origin")).toBe("*");
      expect(headers.get("cache-control")).toBe("no-cache");
      expect(text).toMatch(/^#EXTM3U\n#EXT-X-STREAM-INF:.*\n[\w.-]+\/source\.m3u8\n$/);
      expect(text).not.toContain(key);
      const claims = await verifyPathToken(await edgeKeys(), await watch(key), Date.now(), key);
      expect(claims).toMatchObject({ stream_id: id, generation: 0 });
      expect((claims?.expires ?? 0) - Date.now() / 1000).toBeCloseTo(12 * 3600, -2);
    }
    expect(await watch(public_key)).not.toBe(await watch(public_key));
  });

  test("of a private stream is for the live_ key, its owner and admins", async () => {
    const { public_key, stream_key } = await liveStream({ is_public: false });
    const [stranger, moderator, admin] = [await newUser(), await newUser("moderator"), await newUser("admin")];
    expect((await hls(stream_key)).status).toBe(200);
    expect((await hls(public_key, "index.m3u8", { token: owner.token })).status).toBe(200);
    expect((await hls(public_key, "index.m3u8", { token: admin.token })).status).toBe(200);
    expect((await hls(public_key, "index.m3u8", { headers: { cookie: `portal_session=${owner.token}` } })).status).toBe(
      200,
    );
    expect((await hls(public_key, `index.m3u8?token=${owner.token}`)).status).toBe(200);
    expect((await hls(public_key, "index.m3u8", { headers: { "x-stream-key": stream_key } })).status).toBe(200);
    for (const token of [undefined, stranger.token, moderator.token, "nonsense"]) {
      const reply = await hls(public_key, "index.m3u8", token === undefined ? {} : { token });
      expect(refusal(reply)).toEqual({ status: 403, error: "string" });
    }
  });

  test("is refused for keys that are none", async () => {
    const { public_key } = await liveStream();
    for (const key of ["x", "live_", `${public_key}A`, public_key.slice(0, -1), "pub_aaaaaaaaaaaaaaaaaaaaaa", "%00"]) {
      expect((await hls(key)).status, key).toBe(403);
    }
    expect((await hls("k".repeat(65))).status).toBe(400);
  });

  test("is 404 at once when nothing is live", async () => {
    const { public_key, stream_key } = await newStream(owner.token);
    expect(refusal(await hls(public_key))).toEqual({ status: 404, error: "string" });
    await worker.authorise(stream_key); // let in, and has sent nothing
    expect((await hls(public_key)).status).toBe(404);
  });

  test("answers HEAD, and gzip only to those who take it", async () => {
    const { public_key } = await liveStream();
    const head = await hls(public_key, "index.m3u8", {}, "HEAD");
    expect(head).toMatchObject({ status: 200, text: "" });
    expect(head.headers.get("content-encoding")).toBeNull();
    const gzipped = await hls(public_key, "index.m3u8", { headers: { "accept-encoding": "gzip" } });
    expect(gzipped.headers.get("content-encoding")).toBe("gzip");
    expect(gzipped.headers.get("vary")).toBe("accept-encoding");
  });
});

describe("a path token", () => {
  test("opens the media playlist, segments, parts and initialisation sections of its stream", async () => {
    const { public_key } = await liveStream();
    const token = await watch(public_key);
    for (const name of ["source.m3u8", "tabc-0.m4s", "tabc-12.3.m4s", "tabc-init0.mp4"]) {
      expect((await hls(public_key, `${token}/${name}`)).status, name).toBe(200);
    }
    const media = await hls(public_key, `${token}/tabc-0.m4s`);
    expect(media.headers.get("content-type")).toBe("video/mp4");
    expect(media.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(media.headers.get("access-control-allow-origin")).toBe("*");
    const playlist = await hls(public_key, `${token}/source.m3u8`);
    expect(playlist.headers.get("cache-control")).toBe("no-cache");
  });

  test("opens no other name, whatever it is written as", async () => {
    const { public_key } = await liveStream();
    const token = await watch(public_key);
    const names = [
      "index.m3u8",
      "other.m3u8",
      "tabc-0.mp4",
      "-0.m4s",
      "tabc-0.m4s.exe",
      "..%2f..%2f7%2findex.m3u8",
      "%2e%2e%2fsource.m3u8",
      "a/../source.m3u8/x",
      "source.m3u8%00",
      "tabc-0.m4s%0d%0aX: y",
      "SOURCE.M3U8",
      "x".repeat(300),
    ];
    for (const name of names) expect((await hls(public_key, `${token}/${name}`)).status, name).toBe(404);
    expect((await hls(public_key, "x".repeat(500))).status).toBe(400);
  });

  test("is refused when forged, expired, of another stream or key", async () => {
    const one = await liveStream();
    const two = await liveStream();
    const token = await watch(one.public_key);
    const claims = { stream_id: one.id, generation: 0, viewer: "v", expires: Math.floor(Date.now() / 1000) + 60 };
    const expired = await mint({ ...claims, expires: claims.expires - 120 }, one.public_key);
    const future = await mint({ ...claims, generation: 1 }, one.public_key);
    const elsewhere = await mintPathToken(
      currentKey((await linkKeys("another secret of thirty-two bytes!!", EDGE, Date.now())).path, Date.now()),
      claims,
      one.public_key,
    );
    const ofWorker = await mintPathToken(
      currentKey((await linkKeys(bindings.SLUICE_SECRET, worker.id, Date.now())).path, Date.now()),
      claims,
      one.public_key,
    );
    const moved = token.replace(/^(\d+)\.\d+\./, `$1.${two.id}.`);
    for (const bad of [expired, future, elsewhere, ofWorker, moved, "", "x", `${token}x`, token.slice(1), "%00"]) {
      expect((await hls(one.public_key, `${bad}/source.m3u8`)).status, bad).toBe(403);
    }
    expect((await hls(two.public_key, `${token}/source.m3u8`)).status).toBe(403);
    expect((await hls(one.stream_key, `${token}/source.m3u8`)).status).toBe(403);
    expect((await hls(one.public_key, `${token}/source.m3u8`)).status).toBe(200);
    expect((await hls(one.public_key, `${await mint(claims, one.public_key)}/source.m3u8`)).status).toBe(200);
  });

  test("is refused within seconds of a change of who may watch", async () => {
    const { id, public_key } = await liveStream();
    const token = await watch(public_key);
    await call("PUT", `/api/streams/${id}`, { token: owner.token, body: { is_public: false } });
    await eventually(async () => expect((await hls(public_key, `${token}/source.m3u8`)).status).toBe(403));
  });

  test("reads no database", async () => {
    const { id, public_key } = await liveStream();
    const token = await watch(public_key);
    await db.delete(streams).where(eq(streams.id, id));
    expect((await hls(public_key, `${token}/source.m3u8`)).status).toBe(200);
  });
});

describe("what reaches the media worker", () => {
  test("carries nothing of the viewer's but the range, and only known directives", async () => {
    const { public_key } = await liveStream();
    const token = await watch(public_key);
    const secrets = { authorization: "Bearer abc.def.ghi", cookie: "portal_session=zzz", "x-forwarded-for": "1.2.3.4" };
    const { text } = await hls(
      public_key,
      `${token}/source.m3u8?token=qqq&_HLS_part=03&_HLS_msn=0012&x=y&_HLS_skip=YES`,
      {
        headers: secrets,
      },
    );
    expect(text).toContain("#QUERY:?_HLS_msn=12&_HLS_part=3\n");
    for (const secret of ["abc.def", "zzz", "1.2.3.4", "qqq", token]) expect(text).not.toContain(secret);
    expect(text).not.toMatch(/x-sluice-(worker|play-url)/);
  });

  test("directives that are no numbers are refused here", async () => {
    const { public_key } = await liveStream();
    const token = await watch(public_key);
    for (const query of [
      "_HLS_msn=-1",
      "_HLS_msn=1e9",
      "_HLS_msn=",
      "_HLS_msn=1&_HLS_part=x",
      `_HLS_msn=${"9".repeat(16)}`,
    ]) {
      expect((await hls(public_key, `${token}/source.m3u8?${query}`)).status, query).toBe(400);
    }
  });

  test("HEAD and Range work", async () => {
    const { public_key } = await liveStream();
    const path = `/api/stream/${public_key}/hls/${await watch(public_key)}/tabc-0.m4s`;
    const fetch = (init: RequestInit) =>
      (exports as unknown as { default: Fetcher }).default.fetch(`${ORIGIN}${path}`, init);
    const part = await fetch({ headers: { range: "bytes=10-19" } });
    expect(part.status).toBe(206);
    expect(part.headers.get("content-range")).toBe("bytes 10-19/1000");
    expect([...new Uint8Array(await part.arrayBuffer())]).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    expect((await fetch({ headers: { range: "bytes=5000-6000" } })).status).toBe(416);
    const head = await fetch({ method: "HEAD" });
    expect(head.status).toBe(200);
    expect((await head.arrayBuffer()).byteLength).toBe(0);
    expect((await fetch({ method: "POST" })).status).toBe(405);
  });
});

describe("a media worker that fails", () => {
  test.each([
    ["broken", 502],
    ["busy", 503],
    ["empty", 404],
  ])("%s becomes %i with the face's error body", async (behaviour, status) => {
    const failing = await TestMediaWorker.enrol(behaviour);
    await failing.connect();
    const { public_key } = await liveStream({}, failing);
    const reply = await hls(public_key);
    expect(refusal(reply)).toEqual({ status, error: "string" });
    expect(reply.headers.get("cache-control")).toBe("no-store");
    expect(reply.headers.get("access-control-allow-origin")).toBe("*");
    expect(JSON.stringify(reply.body)).not.toContain(behaviour);
  });

  test("and lost the window of a live stream has its players come again", async () => {
    const failing = await TestMediaWorker.enrol("empty");
    await failing.connect();
    const { id, public_key } = await liveStream({}, failing);
    const claims = { stream_id: id, generation: 0, viewer: "v", expires: Math.floor(Date.now() / 1000) + 60 };
    const token = await mint(claims, public_key);
    const playlist = await hls(public_key, `${token}/source.m3u8`);
    expect(playlist.status).toBe(503);
    expect(playlist.headers.get("retry-after")).toBe("1");
    expect((await hls(public_key, `${token}/tabc-0.m4s`)).status).toBe(404);
  });

  test("and does not answer is given up in time", async () => {
    const init = { method: "GET", headers: new Headers() };
    const hanging: Pick<Fetcher, "fetch"> = {
      fetch: (_, options) =>
        new Promise((_resolve, reject) =>
          options?.signal?.addEventListener("abort", () => reject(new Error("aborted"))),
        ),
    };
    expect(await fetchWithin(hanging, "http://slow.test/", init, 20)).toBe(504);
  });

  test("and cannot be reached becomes 503, or 404 when the stream is over", async () => {
    const refusing = {
      ...bindings,
      MEDIA: { fetch: () => Promise.reject(new Error("refused")) } as unknown as Fetcher,
    };
    const cache = new MediaCache(createExecutionContext(), refusing);
    const source = { stream_id: 1, epoch: "e", worker: { id: worker.id, play_url: worker.playUrl } };
    const response = await cache.fetch(mediaRequest(source, "index.m3u8", "", "GET", null));
    expect(response.status).toBe(503);
    expect(response.headers.get("cache-control")).toBe("no-store");

    const failing = await TestMediaWorker.enrol("busy");
    await failing.connect();
    const stream = await newStream(owner.token);
    const grant = await failing.publish(stream.stream_key);
    failing.event(grant, 1, ended("stopped"));
    const object = bindings.LIVE_STREAM.getByName(String(stream.id));
    await eventually(async () => expect((await object.playback()).worker).not.toBeNull());
    await eventually(async () => expect((await object.playback()).state).toBe("offline"));
    expect((await hls(stream.public_key)).status).toBe(404);
  });
});

describe("viewers", () => {
  test("are counted by their ids, and forgotten when they stop asking", async () => {
    const { id, public_key } = await liveStream();
    const token = await watch(public_key);
    await hls(public_key, `${token}/tabc-0.m4s`);
    const object = bindings.LIVE_STREAM.getByName(String(id));
    expect((await object.playback()).viewer_count).toBe(0);
    await hls(public_key, `${token}/source.m3u8`);
    await hls(public_key, `${token}/source.m3u8`);
    await eventually(async () => expect((await object.playback()).viewer_count).toBe(1));
    await object.viewers("isolate:other", 41);
    expect((await object.playback()).viewer_count).toBe(42);
    await runInDurableObject(object, (_, state) => {
      state.storage.sql.exec("UPDATE viewer_reports SET at = at - 20000 WHERE reporter = 'isolate:other'");
    });
    await runDurableObjectAlarm(object);
    expect((await object.playback()).viewer_count).toBe(1);
    await runInDurableObject(object, (_, state) => {
      state.storage.sql.exec("UPDATE viewer_reports SET at = at - 20000");
    });
    await runDurableObjectAlarm(object);
    expect((await object.playback()).viewer_count).toBe(0);
  });
});

describe("direct playback", () => {
  test("hands out the media worker's own address with a token of its key", async () => {
    const { public_key, id } = await liveStream();
    const direct = { ...bindings, PLAYBACK: "direct" };
    const { app } = await import("../../workers/application.ts");
    const execution = { waitUntil: () => undefined, passThroughOnException: () => undefined, props: {} };
    const response = await app.fetch(
      new Request(`${ORIGIN}/api/stream/${public_key}/hls/index.m3u8`),
      direct,
      execution as never,
    );
    const text = await response.text();
    const url = new URL(/^http.*$/m.exec(text)?.[0] ?? "");
    expect(url.origin).toBe(worker.playUrl);
    const token = /^\/live\/t\/([^/]+)\/source\.m3u8$/.exec(url.pathname)?.[1] ?? "";
    const keys = await linkKeys(bindings.SLUICE_SECRET, worker.id, Date.now());
    expect(await verifyPathToken(keys.path, token, Date.now())).toMatchObject({ stream_id: id });
  });
});
