/** The bytes of recordings: ranges, redirects to the bucket, downloads, pictures. */
import { createExecutionContext } from "cloudflare:test";
import { eq } from "drizzle-orm";
import { beforeAll, describe, expect, test } from "vitest";
import { vods } from "../../schema/tables/vods.ts";
import { app } from "../../workers/application.ts";
import type { Env } from "../../workers/core/env.ts";
import { bindings, call, db, logged, newUser, ORIGIN } from "./client.ts";
import { fetchRaw, JPEG, MEDIA, type NewVod, newVod, storedVod, vodPath, vodToken } from "./recordings.ts";

let owner: Awaited<ReturnType<typeof newUser>>;
beforeAll(async () => {
  owner = await newUser();
});

const stored = (fields: Partial<NewVod> = {}) => storedVod({ user: owner, ...fields });

describe("a part", () => {
  const part = async (vod: { public_id: string }, headers: Record<string, string> = {}, method = "GET") =>
    fetchRaw(vodPath(vod, "parts/1.mp4"), { method, headers });

  test("is sent whole, with all that players want to know", async () => {
    const vod = await stored();
    const { status, headers, bytes } = await part(vod);
    expect([status, bytes]).toEqual([200, MEDIA]);
    expect(Object.fromEntries(headers)).toMatchObject({
      "accept-ranges": "bytes",
      "content-type": "video/mp4",
      "content-length": "3000",
      "x-content-type-options": "nosniff",
      "access-control-allow-origin": "*",
      "access-control-expose-headers": expect.stringContaining("Content-Range"),
      // Browsers that open it show it in a document of its own, under this policy.
      "content-security-policy": expect.stringContaining("media-src 'self'"),
      etag: expect.stringMatching(/^"[^"]+"$/),
      "cache-control": "public, no-cache",
    });
    expect(headers.get("content-disposition")).toBeNull();
  });

  test.each([
    ["bytes=0-0", 0, 1],
    ["bytes=0-2999", 0, 3_000],
    ["bytes=100-199", 100, 200],
    ["bytes=2990-", 2_990, 3_000],
    ["bytes=-5", 2_995, 3_000],
    ["bytes=-99999", 0, 3_000],
    ["bytes=2999-99999", 2_999, 3_000],
  ])("%s is that range", async (range, from, to) => {
    const vod = await stored();
    const { status, headers, bytes } = await part(vod, { range });
    expect([status, headers.get("content-range")]).toEqual([206, `bytes ${from}-${to - 1}/3000`]);
    expect(headers.get("content-length")).toBe(String(to - from));
    expect(bytes).toEqual(MEDIA.slice(from, to));
  });

  test.each(["bytes=3000-", "bytes=3000-4000", "bytes=-0", "bytes=999999999999999-"])(
    "%s lies outside",
    async (range) => {
      const { status, headers } = await part(await stored(), { range });
      expect([status, headers.get("content-range")]).toEqual([416, "bytes */3000"]);
      expect(headers.get("access-control-allow-origin")).toBe("*");
    },
  );

  test.each(["bytes=0-1,5-6", "bytes=5-1", "bytes=-", "bytes=a-b", "items=0-1", "bytes=0-1x", "bytes = 0-1", "0-1"])(
    "%s is not a range of ours, and ignored",
    async (range) => {
      const { status, bytes } = await part(await stored(), { range });
      expect([status, bytes.length]).toEqual([200, 3_000]);
    },
  );

  test("a range under a condition is the whole when the condition does not hold", async () => {
    const vod = await stored();
    const etag = (await part(vod)).headers.get("etag") ?? "";
    const ranged = { range: "bytes=0-9" };
    expect((await part(vod, { ...ranged, "if-range": etag })).status).toBe(206);
    for (const other of ['"other"', `W/${etag}`, "Sat, 21 Nov 2026 00:00:00 GMT"]) {
      expect((await part(vod, { ...ranged, "if-range": other })).status).toBe(200);
    }
    expect((await part(vod, { "if-none-match": etag })).status).toBe(304);
    expect((await part(vod, { "if-none-match": "*" })).status).toBe(304);
    expect((await part(vod, { "if-none-match": '"other"' })).status).toBe(200);
  });

  test("HEAD tells its size without fetching it", async () => {
    const { status, headers, bytes } = await part(await stored(), {}, "HEAD");
    expect([status, bytes.length, headers.get("content-length")]).toEqual([200, 0, "3000"]);
    expect(headers.get("accept-ranges")).toBe("bytes");
  });

  test("under its own name never changes, and shared caches keep only what is public", async () => {
    const control = async (visibility: "public" | "unlisted" | "private") => {
      const vod = await stored({ visibility, parts: [{ epoch: "t" }] });
      const query = `v=t-0&token=${await vodToken(vod, "play")}`;
      return (await fetchRaw(`${vodPath(vod, "parts/1.mp4")}?${query}`)).headers.get("cache-control");
    };
    expect(await control("public")).toBe("public, max-age=31536000, s-maxage=600, immutable");
    expect(await control("unlisted")).toBe("private, max-age=31536000, immutable");
    expect(await control("private")).toBe("private, max-age=43200, immutable");
  });

  test("answers what browsers of other sites ask beforehand", async () => {
    const vod = await stored();
    const asked = { origin: "https://site.example", "access-control-request-headers": "range" };
    for (const name of ["parts/1.mp4", "index.m3u8", "thumbnail.jpg"]) {
      const { status, headers } = await call("OPTIONS", vodPath(vod, name), { headers: asked });
      expect(status).toBe(204);
      expect(headers.get("access-control-allow-origin")).toBe("*");
      expect(headers.get("access-control-allow-headers")).toContain("Range");
      expect(headers.get("access-control-allow-credentials")).toBeNull();
    }
  });

  test.each([
    "0.mp4",
    "2.mp4",
    "999999.mp4",
    "1.mp4?v=no-0",
    "1",
    "01.mp4",
    "-1.mp4",
    "1.mp4%00",
    "1.ts",
    "..%2f1.mp4",
    "1e0.mp4",
  ])("%s is none", async (name) => {
    const vod = await stored();
    expect([400, 404]).toContain((await fetchRaw(vodPath(vod, `parts/${name}`))).status);
  });

  test("whose object is gone is not found; a bucket that fails is away", async () => {
    logged("warn");
    const vod = await newVod({ user: owner });
    expect((await part(vod)).status).toBe(404);
    const answers = (status: number) => ({
      S3: { fetch: async () => new Response("no", { status }) } as unknown as Fetcher,
    });
    const whole = await stored();
    for (const status of [500, 403, 200]) {
      const headers = { range: "bytes=0-9" };
      expect((await fetchRaw(vodPath(whole, "parts/1.mp4"), { headers }, answers(status))).status).toBe(503);
    }
  });

  test("is fetched no further when its viewer goes away, before the first byte or after it", async () => {
    logged("warn");
    const vod = await newVod({ user: owner });
    const ask = (S3: Pick<Fetcher, "fetch">, signal?: AbortSignal) => {
      const request = new Request(`${ORIGIN}${vodPath(vod, "parts/1.mp4")}`, signal ? { signal } : {});
      return app.fetch(request, { ...bindings, S3: S3 as Fetcher }, createExecutionContext());
    };
    const stopped = Promise.withResolvers<void>();
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(100)),
      cancel: () => stopped.resolve(),
    });
    const response = await ask({ fetch: async () => new Response(endless) });
    const reader = response.body!.getReader();
    expect((await reader.read()).done).toBe(false);
    await reader.cancel();
    await stopped.promise;

    const viewer = new AbortController();
    const asked = Promise.withResolvers<AbortSignal>();
    const silent: Pick<Fetcher, "fetch"> = {
      fetch: (_input, init) =>
        new Promise((_resolve, reject) => {
          const signal = init?.signal as AbortSignal;
          signal.addEventListener("abort", () => reject(signal.reason));
          asked.resolve(signal);
        }),
    };
    const reply = ask(silent, viewer.signal);
    const signal = await asked.promise;
    viewer.abort();
    await reply;
    expect(signal.aborted).toBe(true);
  });

  test("without a bucket is unavailable", async () => {
    logged("warn");
    const none = { S3_ENDPOINT: "", S3_BUCKET: "", S3_ACCESS_KEY_ID: "", S3_SECRET_ACCESS_KEY: "" };
    expect((await fetchRaw(vodPath(await stored(), "parts/1.mp4"), {}, none)).status).toBe(503);
  });
});

describe("where browsers reach the bucket", () => {
  const reachable = { S3_PUBLIC_ENDPOINT: "https://bucket.example/s3" };

  test("media are a redirect that caches forget long before it fails", async () => {
    const vod = await stored({ visibility: "private", parts: [{ epoch: "t" }] });
    const token = await vodToken(vod, "play");
    for (const [name, key] of [
      ["parts/1.mp4", "t-0.mp4"],
      ["thumbnail.jpg", "thumbnail.jpg"],
      ["storyboard.jpg", "storyboard.jpg"],
    ] as const) {
      const { status, headers, bytes } = await fetchRaw(`${vodPath(vod, name)}?token=${token}`, {}, reachable);
      expect([status, bytes.length]).toEqual([302, 0]);
      const to = new URL(headers.get("location") ?? "");
      expect(`${to.origin}${to.pathname}`).toBe(
        `https://bucket.example/s3/${bindings.S3_BUCKET}/vods/${vod.public_id}/${key}`,
      );
      expect(to.searchParams.get("X-Amz-Signature")).toMatch(/^[0-9a-f]{64}$/);
      expect(to.search).not.toContain(token);
      const [, kept] = /^private, max-age=(\d+)$/.exec(headers.get("cache-control") ?? "") ?? [];
      expect(Number(kept) * 2).toBeLessThan(Number(to.searchParams.get("X-Amz-Expires")));
      expect(headers.get("access-control-allow-origin")).toBe("*");
    }
  });

  test("a redirect leads to the bytes", async () => {
    const vod = await stored();
    const here = { S3_PUBLIC_ENDPOINT: bindings.S3_ENDPOINT ?? "" };
    const { headers } = await fetchRaw(vodPath(vod, "parts/1.mp4"), {}, here);
    const request = { headers: { range: "bytes=100-199" } };
    const response = await (bindings.S3 ?? globalThis).fetch(headers.get("location") ?? "", request);
    expect([response.status, new Uint8Array(await response.arrayBuffer())]).toEqual([206, MEDIA.slice(100, 200)]);
  });

  test("a redirect needs the same permission as the media", async () => {
    const vod = await stored({ visibility: "private" });
    expect((await fetchRaw(vodPath(vod, "parts/1.mp4"), {}, reachable)).status).toBe(404);
    expect((await fetchRaw(vodPath(vod, "thumbnail.jpg"), {}, reachable)).status).toBe(404);
  });

  test("HEAD is answered here: an address is signed for one method", async () => {
    const { status, headers } = await fetchRaw(vodPath(await stored(), "parts/1.mp4"), { method: "HEAD" }, reachable);
    expect([status, headers.get("content-length")]).toEqual([200, "3000"]);
  });

  test("the playlist stays as it is", async () => {
    const vod = await stored();
    const { status, bytes } = await fetchRaw(vodPath(vod, "index.m3u8"), {}, reachable);
    expect([status, new TextDecoder().decode(bytes)]).toEqual([
      200,
      (await call("GET", vodPath(vod, "index.m3u8"))).text,
    ]);
  });

  test("a download is from the bucket, for an hour, under its name", async () => {
    const vod = await stored({ title: "Show", started_at: Date.UTC(2026, 10, 21) });
    const headers = { authorization: `Bearer ${owner.token}` };
    const { bytes } = await fetchRaw(`/api/library/${vod.id}`, { headers }, reachable);
    const { vod: shown } = JSON.parse(new TextDecoder().decode(bytes));
    const to = new URL(shown.download_url);
    expect([to.origin, to.searchParams.get("X-Amz-Expires")]).toEqual(["https://bucket.example", "3600"]);
    expect(to.searchParams.get("response-content-disposition")).toBe('attachment; filename="Show 2026-11-21.mp4"');
  });

  test("pages may load from there", async () => {
    const ASSETS = { fetch: async () => new Response("<!doctype html>", { headers: { "content-type": "text/html" } }) };
    const policy = async (changes: Partial<Env>) =>
      (
        await fetchRaw("/vod/vod_aaaaaaaaaaaaaaaa", {}, { ...changes, ASSETS: ASSETS as unknown as Fetcher })
      ).headers.get("content-security-policy");
    const open = await policy(reachable);
    for (const kind of ["img-src", "connect-src", "media-src"]) {
      expect(open).toMatch(new RegExp(`${kind} [^;]*https://bucket\\.example(;|$)`));
      expect(await policy({})).not.toContain("bucket.example");
    }
  });
});

describe("a download through us", () => {
  const address = async (vod: { id: number }) => {
    const { body } = await call("GET", `/api/library/${vod.id}`, { token: owner.token });
    return String(body.vod.download_url).slice(ORIGIN.length);
  };

  test("is saved under the title and the day, resumes, and needs no account", async () => {
    const vod = await stored({ visibility: "private", title: "Show", started_at: Date.UTC(2026, 10, 21, 23, 59) });
    const path = await address(vod);
    const whole = await fetchRaw(path);
    expect([whole.status, whole.bytes]).toEqual([200, MEDIA]);
    expect(whole.headers.get("content-disposition")).toBe('attachment; filename="Show 2026-11-21.mp4"');
    const rest = await fetchRaw(path, { headers: { range: "bytes=2000-" } });
    expect([rest.status, rest.bytes]).toEqual([206, MEDIA.slice(2_000)]);
    const head = await fetchRaw(path, { method: "HEAD" });
    expect([head.status, head.headers.get("content-length")]).toEqual([200, "3000"]);
    expect(head.headers.get("content-disposition")).toContain("Show");
  });

  test("of one of several parts says which", async () => {
    const vod = await stored({ title: "Show", started_at: Date.UTC(2026, 10, 21), parts: [{}, {}] });
    const { body } = await call("GET", `/api/library/${vod.id}`, { token: owner.token });
    const names = await Promise.all(
      body.vod.parts.map(async (part: { download_url: string }) => {
        const { headers } = await fetchRaw(part.download_url.slice(ORIGIN.length), { method: "HEAD" });
        return headers.get("content-disposition");
      }),
    );
    expect(names).toEqual([
      'attachment; filename="Show 2026-11-21 part 1.mp4"',
      'attachment; filename="Show 2026-11-21 part 2.mp4"',
    ]);
  });

  test.each([
    'a"; filename="evil.exe',
    "line\r\nSet-Cookie: a=b",
    "../../etc/passwd",
    "Zürich – 夜のショー 🎬",
    "%0d%0aX: y",
    "\u202egnp.exe",
    "\ud800",
    "...",
    "x".repeat(2_000),
  ])("is one harmless header whatever the title: %j", async (title) => {
    const vod = await stored();
    await db.update(vods).set({ title }).where(eq(vods.id, vod.id));
    const { status, headers } = await fetchRaw(await address(vod), { method: "HEAD" });
    expect(status).toBe(200);
    const disposition = headers.get("content-disposition") ?? "";
    expect(disposition).toMatch(
      /^attachment; filename="[ !#-~]+\.mp4"(; filename\*=UTF-8''[A-Za-z0-9%._~!$&+^`|-]+\.mp4)?$/,
    );
    expect(disposition.length).toBeLessThan(2_000);
    expect(headers.get("set-cookie")).toBeNull();
    expect(decodeURIComponent(disposition)).not.toMatch(/[\r\n\u202e]/);
  });
});

describe("pictures", () => {
  test("are JPEG files, known again by their tag", async () => {
    const vod = await stored();
    for (const name of ["thumbnail.jpg", "storyboard.jpg"]) {
      const { status, headers, bytes } = await fetchRaw(vodPath(vod, name));
      expect([status, headers.get("content-type"), bytes]).toEqual([200, "image/jpeg", JPEG]);
      expect(headers.get("cache-control")).toBe("public, max-age=600");
      const etag = headers.get("etag") ?? "";
      expect((await fetchRaw(vodPath(vod, name), { headers: { "if-none-match": etag } })).status).toBe(304);
      const head = await fetchRaw(vodPath(vod, name), { method: "HEAD" });
      expect([head.status, head.headers.get("content-length")]).toEqual([200, "700"]);
    }
  });

  test("are not there before they are made, nor when their objects are gone", async () => {
    const bare = await newVod({ user: owner });
    const gone = await newVod({ user: owner, row: { has_thumbnail: 1 } });
    for (const method of ["GET", "HEAD"]) {
      for (const name of ["thumbnail.jpg", "storyboard.jpg"]) {
        expect((await fetchRaw(vodPath(bare, name), { method })).status).toBe(404);
      }
      expect((await fetchRaw(vodPath(gone, "thumbnail.jpg"), { method })).status).toBe(404);
    }
  });
});
