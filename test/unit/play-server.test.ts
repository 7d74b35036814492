/** The play server over real sockets, with streams packaged in the test. */

import { mkdtempSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { LinkKey, LinkKeys } from "#contract/media";
import { toBase64url } from "#kit/base64url";
import { parseRange } from "#kit/byte-range";
import { linkPeriod } from "#kit/link-keys";
import { mintPathToken } from "#kit/path-token";
import { REQUEST_SIGNATURE_HEADER, signRequest } from "#kit/request-signature";
import { FileAttic } from "../../media-worker/packager/attic.ts";
import { HlsOutput } from "../../media-worker/packager/hls-output.ts";
import { type PlayServer, startPlayServer } from "../../media-worker/servers/http/play-server.ts";
import { slice } from "../../media-worker/servers/http/range.ts";
import { quietLog } from "../harness/rtmp-server.ts";
import { SkippingClock } from "../harness/skipping-clock.ts";
import { AUDIO, fetchFrom, GRANT, mediaOf, pictures, sound, VIDEO } from "../harness/synthetic-media.ts";

const key = (fill: number, kid = linkPeriod(Date.now())): LinkKey => ({
  kid,
  secret: toBase64url(new Uint8Array(32).fill(fill)),
});
const KEYS: LinkKeys = { request: [key(1)], path: [key(2)] };
const directory = mkdtempSync(path.join(tmpdir(), "sluice-play-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let clock: SkippingClock;
let server: PlayServer;
let output: HlsOutput;
let origin: string;
/** Requests that got as far as a stream. */
let served: number;

/** Stream 7: 5.6 s of 1 s GOPs: segments 1 to 3 whole, half a second of segment 4. */
beforeEach(async () => {
  clock = new SkippingClock();
  served = 0;
  output = new HlsOutput(500, null);
  output.session(GRANT);
  output.timeline(VIDEO, clock.now());
  show(0, 5.6);
  server = await startPlayServer({
    host: "127.0.0.1",
    port: 0,
    find(id) {
      served++;
      return id === 7 ? output : null;
    },
    clock,
    log: quietLog,
  });
  onTestFinished(() => server.close());
  server.keys(KEYS);
  origin = `http://127.0.0.1:${server.port}`;
});

const PICTURES = pictures({ seconds: 60, key: (n) => n % 30 === 0 });
function show(from: number, to: number): void {
  for (const unit of PICTURES) if (unit.time >= from * 90_000 && unit.time < to * 90_000) output.unit(unit);
}

async function get(pathAndQuery: string, init: RequestInit = {}, signed = pathAndQuery): Promise<Response> {
  const signature = await signRequest(KEYS.request[0]!, init.method ?? "GET", signed, clock.now());
  return fetch(origin + pathAndQuery, { ...init, headers: { [REQUEST_SIGNATURE_HEADER]: signature, ...init.headers } });
}
const token = (claims: object = {}, secret = KEYS.path[0]!) => {
  const expires = Math.floor(clock.now() / 1000) + 60;
  return mintPathToken(secret, { stream_id: 7, generation: 0, viewer: "v1", expires, ...claims });
};

describe("who may ask", () => {
  test("the Worker, with its signature", async () => {
    expect((await get("/live/7/source.m3u8")).status).toBe(200);
    expect((await get("/live/7/source.m3u8", { method: "HEAD" })).status).toBe(200);
  });

  test("nobody with a signature for another path, query, method or time, or with another key", async () => {
    expect((await fetch(`${origin}/live/7/source.m3u8`)).status).toBe(403);
    expect((await get("/live/7/source.m3u8", {}, "/live/8/source.m3u8")).status).toBe(403);
    expect((await get("/live/7/source.m3u8?_HLS_msn=2", {}, "/live/7/source.m3u8")).status).toBe(403);
    const signature = await signRequest(KEYS.request[0]!, "HEAD", "/live/7/source.m3u8", clock.now());
    const headers = { [REQUEST_SIGNATURE_HEADER]: signature };
    expect((await fetch(`${origin}/live/7/source.m3u8`, { headers })).status).toBe(403);
    const old = await signRequest(KEYS.request[0]!, "GET", "/live/7/source.m3u8", clock.now() - 120_000);
    expect((await get("/live/7/source.m3u8", { headers: { [REQUEST_SIGNATURE_HEADER]: old } })).status).toBe(403);
    const forged = await signRequest(key(9), "GET", "/live/7/source.m3u8", clock.now());
    expect((await get("/live/7/source.m3u8", { headers: { [REQUEST_SIGNATURE_HEADER]: forged } })).status).toBe(403);
    expect((await get("/live/7/source.m3u8", { headers: { [REQUEST_SIGNATURE_HEADER]: "x" } })).status).toBe(403);
  });

  test("viewers with a path token, again and again, until it expires", async () => {
    const base = `${origin}/live/t/${await token()}`;
    for (let i = 0; i < 3; i++) expect((await fetch(`${base}/source.m3u8`)).status).toBe(200);
    expect((await fetch(`${base}/index.m3u8`)).status).toBe(200);
    clock.skip(61_000);
    expect((await fetch(`${base}/source.m3u8`)).status).toBe(403);
  });

  test("nobody with a forged token, or after the keys have changed", async () => {
    expect((await fetch(`${origin}/live/t/${await token({}, key(3))}/source.m3u8`)).status).toBe(403);
    expect((await fetch(`${origin}/live/t/nonsense/source.m3u8`)).status).toBe(403);
    const base = `${origin}/live/t/${await token()}`;
    expect((await fetch(`${base}/source.m3u8`)).status).toBe(200);
    server.keys({ request: [key(1)], path: [key(4)] });
    expect((await fetch(`${base}/source.m3u8`)).status).toBe(403);
  });

  test("viewers are counted by their tokens, for ten seconds", async () => {
    for (const viewer of ["a", "b", "a"]) {
      await fetch(`${origin}/live/t/${await token({ viewer })}/source.m3u8`);
    }
    await fetch(`${origin}/live/t/${await token({ viewer: "c" })}/index.m3u8`);
    await get("/live/7/source.m3u8");
    expect(server.viewers(7)).toBe(2);
    clock.skip(10_500);
    expect(server.viewers(7)).toBe(0);
  });
});

describe("playlists", () => {
  test("types, CORS, caching", async () => {
    for (const name of ["index.m3u8", "source.m3u8"]) {
      const reply = await get(`/live/7/${name}`);
      expect(reply.headers.get("content-type")).toBe("application/vnd.apple.mpegurl");
      expect(reply.headers.get("access-control-allow-origin")).toBe("*");
      expect(reply.headers.get("cache-control")).toBe("no-cache");
      expect(await reply.text()).toMatch(/^#EXTM3U\n/);
    }
  });

  test("gzipped for whoever takes that, and only for them", async () => {
    const signature = async () => ({
      [REQUEST_SIGNATURE_HEADER]: await signRequest(KEYS.request[0]!, "GET", "/live/7/source.m3u8", clock.now()),
    });
    const raw = async (headers: Record<string, string>) =>
      new Promise<{ headers: Record<string, unknown>; body: Buffer }>((resolve) => {
        httpRequest(`${origin}/live/7/source.m3u8`, { headers }, (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(chunks) }));
        }).end();
      });
    const packed = await raw({ ...(await signature()), "accept-encoding": "br, gzip" });
    expect(packed.headers).toMatchObject({ "content-encoding": "gzip", vary: "accept-encoding" });
    const plain = await raw(await signature());
    expect(plain.headers["content-encoding"]).toBeUndefined();
    expect(gunzipSync(packed.body)).toEqual(plain.body);
    expect(packed.body.length).toBeLessThan(plain.body.length / 2);
  });

  test("HEAD has the length and no body", async () => {
    const head = await get("/live/7/source.m3u8", { method: "HEAD", headers: { "accept-encoding": "identity" } });
    const body = await (await get("/live/7/source.m3u8", { headers: { "accept-encoding": "identity" } })).text();
    expect(head.headers.get("content-length")).toBe(String(body.length));
    expect(await head.text()).toBe("");
  });

  test("404 at once while nothing can be shown", async () => {
    output = new HlsOutput(500, null);
    for (const name of ["index.m3u8", "source.m3u8", "source.m3u8?_HLS_msn=1", "e1-1.m4s"]) {
      expect((await get(`/live/7/${name}`)).status).toBe(404);
    }
    expect((await get("/live/8/index.m3u8")).status).toBe(404);
  });

  test("between the first picture and the first whole segment they wait for it", async () => {
    output = new HlsOutput(500, null);
    output.session(GRANT);
    output.timeline(VIDEO, clock.now());
    show(0, 0.4);
    const replies = ["index.m3u8", "source.m3u8"].map((name) => get(`/live/7/${name}`));
    await waiters(2);
    show(0.4, 1.2);
    for (const reply of await Promise.all(replies)) expect(reply.status).toBe(200);
  });

  test("the index and the first part by its number are there before the first whole segment", async () => {
    output = new HlsOutput(500, null);
    output.session(GRANT);
    output.timeline(VIDEO, clock.now());
    const early = get("/live/7/source.m3u8?_HLS_msn=1&_HLS_part=0");
    await waiters(1);
    show(0, 0.7);
    expect((await get("/live/7/index.m3u8")).status).toBe(200);
    const text = await (await early).text();
    expect(text).toContain("#EXT-X-TARGETDURATION:2\n");
    expect(text).not.toContain("#EXTINF");
    const part = /#EXT-X-PART:.*URI="([^"]+)"/.exec(text)?.[1];
    expect((await get(`/live/7/${part}`)).status).toBe(200);
    const plain = get("/live/7/source.m3u8");
    await waiters(1);
    show(0.7, 1.2);
    expect(await (await plain).text()).toContain("#EXTINF");
  });

  test("and 404 if it does not come", async () => {
    output = new HlsOutput(500, null);
    output.session(GRANT);
    output.timeline(VIDEO, clock.now());
    const reply = get("/live/7/index.m3u8");
    await waiters(1);
    clock.skip(5_000);
    expect((await reply).status).toBe(404);
  });
});

/** Until so many requests wait. */
const waiters = (count: number) => expect.poll(() => output.changes.waiting, { interval: 5 }).toBe(count);

describe("blocking reloads", () => {
  const reload = (query: string) => get(`/live/7/source.m3u8?${query}`);

  test("an old segment or part: the current playlist at once", async () => {
    for (const query of ["_HLS_msn=1", "_HLS_msn=3", "_HLS_msn=4&_HLS_part=0", "_HLS_msn=2&_HLS_part=2"]) {
      expect((await reload(query)).status).toBe(200);
    }
  });

  test("the next part: as soon as it is there", async () => {
    const reply = reload("_HLS_msn=4&_HLS_part=1");
    await waiters(1);
    show(5.6, 6.1);
    expect(await (await reply).text()).toContain("e1-4.1.m4s");
  });

  test("a whole segment: when it is complete", async () => {
    const reply = reload("_HLS_msn=4");
    await waiters(1);
    show(5.6, 6.9);
    expect(output.changes.waiting).toBe(1);
    show(6.9, 7.1);
    expect(await (await reply).text()).toMatch(/#EXTINF:2\.0+,\ne1-3\.m4s/);
  });

  test("many readers get the same bytes, built once", async () => {
    const replies = Array.from({ length: 50 }, () => reload("_HLS_msn=4&_HLS_part=1"));
    await waiters(50);
    show(5.6, 6.1);
    const texts = await Promise.all((await Promise.all(replies)).map((reply) => reply.text()));
    expect(new Set(texts).size).toBe(1);
    expect(output.changes.waiting).toBe(0);
  });

  test.each([
    "_HLS_msn=6",
    "_HLS_msn=901",
    "_HLS_part=1",
    "_HLS_msn=-1",
    "_HLS_msn=x",
    "_HLS_msn=",
    "_HLS_msn=4&_HLS_part=x",
    "_HLS_msn=4&_HLS_part=40",
    "_HLS_msn=9999999999999999999",
  ])("%s: 400", async (query) => {
    expect((await reload(query)).status).toBe(400);
  });

  test("nothing comes for three target durations: 503", async () => {
    const reply = reload("_HLS_msn=4&_HLS_part=1");
    await waiters(1);
    clock.skip(5_900);
    expect(output.changes.waiting).toBe(1);
    clock.skip(200);
    expect((await reply).status).toBe(503);
    expect(output.changes.waiting).toBe(0);
  });

  test("the stream ends: the final playlist", async () => {
    const reply = reload("_HLS_msn=5");
    await waiters(1);
    output.finish();
    expect(await (await reply).text()).toContain("#EXT-X-ENDLIST");
  });

  test("a reader that goes away waits no longer", async () => {
    const gone = new AbortController();
    const reply = get("/live/7/source.m3u8?_HLS_msn=5", { signal: gone.signal });
    await waiters(1);
    gone.abort();
    await expect(reply).rejects.toThrow();
    await waiters(0);
  });
});

describe("media", () => {
  test("segments, parts and the init section, for ever the same", async () => {
    const { segments } = mediaOf(output);
    for (const name of [segments[0]!.uri, segments[0]!.map!, "e1-2.2.m4s"]) {
      const reply = await get(`/live/7/${name}`);
      expect(reply.headers.get("content-type")).toBe("video/mp4");
      expect(reply.headers.get("cache-control")).toContain("immutable");
      expect(Buffer.from(await reply.arrayBuffer())).toEqual(await fetchFrom(output, name));
    }
  });

  test("the part that is announced: when it is there", async () => {
    const reply = get("/live/7/e1-4.1.m4s");
    await waiters(1);
    show(5.6, 6.1);
    expect((await (await reply).arrayBuffer()).byteLength).toBe((await fetchFrom(output, "e1-4.1.m4s"))?.length);
  });

  test("an announced part that never comes: 404 when the publisher is gone", async () => {
    output = new HlsOutput(500, null);
    output.session(GRANT);
    output.timeline(AUDIO, clock.now());
    for (const unit of sound(3)) {
      output.unit(unit);
      if (output.nextMsn === 3 && mediaOf(output).preloadHint === "e1-2.1.m4s") break;
    }
    const reply = get("/live/7/e1-2.1.m4s");
    await waiters(1);
    output.end();
    expect((await reply).status).toBe(404);
  });

  test("audio alone is audio", async () => {
    output = new HlsOutput(500, null);
    output.session(GRANT);
    output.timeline(AUDIO, clock.now());
    for (const unit of sound(3)) output.unit(unit);
    expect((await get("/live/7/e1-1.m4s")).headers.get("content-type")).toBe("audio/mp4");
  });

  test("ranges", async () => {
    const whole = (await fetchFrom(output, "e1-2.m4s"))!;
    const ask = async (range: string) => {
      const reply = await get("/live/7/e1-2.m4s", { headers: { range } });
      return { status: reply.status, shown: reply.headers.get("content-range"), body: await reply.arrayBuffer() };
    };
    const middle = await ask("bytes=100-59999");
    expect(middle).toMatchObject({ status: 206, shown: `bytes 100-59999/${whole.length}` });
    expect(Buffer.from(middle.body)).toEqual(whole.subarray(100, 60_000));
    expect(Buffer.from((await ask("bytes=-5")).body)).toEqual(whole.subarray(-5));
    expect((await ask("bytes=5-")).body.byteLength).toBe(whole.length - 5);
    expect((await ask("bytes=0-0,5-6")).status).toBe(200);
    expect(await ask(`bytes=${whole.length}-`)).toMatchObject({ status: 416, shown: `bytes */${whole.length}` });
  });

  test("what has gone to disk is served from there, by range too, and HEAD does not read it", async () => {
    output = new HlsOutput(500, new FileAttic(path.join(directory, "window")));
    output.session(GRANT);
    output.timeline(VIDEO, clock.now());
    show(0, 21);
    const name = mediaOf(output).segments[0]!.uri;
    await expect.poll(() => output.find(name).found).toBe("stored");
    const whole = (await fetchFrom(output, name))!;
    expect(Buffer.from(await (await get(`/live/7/${name}`)).arrayBuffer())).toEqual(whole);
    const range = await get(`/live/7/${name}`, { headers: { range: "bytes=10-19" } });
    expect(Buffer.from(await range.arrayBuffer())).toEqual(whole.subarray(10, 20));
    const head = await get(`/live/7/${name}`, { method: "HEAD" });
    expect(head.headers.get("content-length")).toBe(String(whole.length));
    await output.close();
    expect((await get(`/live/7/${name}`)).status).toBe(404);
  });

  test.each([
    "/live/7/../../etc/passwd",
    "/live/7/..%2f..%2fetc%2fpasswd",
    "/live/7/%2e%2e/x",
    "/live/7/e1-1.m4s%00",
    "/live/7/e1-1.m4s/x",
    "/live/7/",
    "/live/7",
    "/live/x/index.m3u8",
    "/live/99999999999999999999/index.m3u8",
    "/",
    "/live/t//index.m3u8",
    `/live/7/${"a".repeat(4096)}`,
  ])("%s: nothing there", async (wanted) => {
    const signature = await signRequest(KEYS.request[0]!, "GET", wanted, clock.now());
    const status = await new Promise<number>((resolve, reject) => {
      const socket = connect(server.port, "127.0.0.1", () => {
        socket.write(`GET ${wanted} HTTP/1.1\r\nhost: x\r\n${REQUEST_SIGNATURE_HEADER}: ${signature}\r\n\r\n`);
      });
      socket.once("data", (data) => {
        resolve(Number(/HTTP\/1\.1 (\d+)/.exec(data.toString())?.[1]));
        socket.destroy();
      });
      socket.once("error", reject);
    });
    expect(status).toBe(404);
  });

  test("other methods are refused, preflights answered", async () => {
    expect((await get("/live/7/index.m3u8", { method: "POST", body: "x" })).status).toBe(405);
    const preflight = await fetch(`${origin}/live/7/index.m3u8`, { method: "OPTIONS" });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-headers")).toContain("range");
  });
});

test("who reads too slowly is cut off, and nobody else", async () => {
  output = new HlsOutput(500, null);
  output.session(GRANT);
  output.timeline(VIDEO, clock.now());
  for (const unit of pictures({ seconds: 3, bytes: 200_000, key: (n) => n % 30 === 0 })) output.unit(unit);
  const name = mediaOf(output).segments[0]!.uri;
  const url = `/live/t/${await token()}/${name}`;
  const socket = connect(server.port, "127.0.0.1");
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.on("error", () => undefined);
  socket.pause();
  // Behind each other: far more than the kernel takes from us.
  socket.write(`GET ${url} HTTP/1.1\r\nhost: x\r\n\r\n`.repeat(8));
  await expect.poll(() => served).toBe(8);
  clock.skip(12_000);
  socket.resume();
  await closed;
  expect((await fetch(origin + url)).status).toBe(200);
});

describe("range headers", () => {
  test.each([
    [undefined, null],
    ["bytes=0-9", { start: 0, end: 10 }],
    ["bytes=90-", { start: 90, end: 100 }],
    ["bytes=90-500", { start: 90, end: 100 }],
    ["bytes=-10", { start: 90, end: 100 }],
    ["bytes=-500", { start: 0, end: 100 }],
    ["bytes=100-", "unsatisfiable"],
    ["bytes=-0", "unsatisfiable"],
    ["bytes=9-0", null],
    ["bytes=-", null],
    ["bytes=a-b", null],
    ["items=0-9", null],
    ["bytes=0-1,3-4", null],
  ])("%s of 100 bytes", (header, expected) => {
    expect(parseRange(header, 100)).toEqual(expected);
  });

  test("pieces are cut, not copied", () => {
    const buffers = [Buffer.from("abc"), Buffer.from("def"), Buffer.from("ghi")];
    expect(slice(buffers, { start: 2, end: 7 }).join("|")).toBe("c|def|g");
    expect(slice(buffers, { start: 3, end: 6 })[0]!.buffer).toBe(buffers[1]!.buffer);
  });
});
