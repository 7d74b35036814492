/**
 * Malformed RTMP harms nothing but its own connection: all of it is thrown at one server, in a process of its own,
 * while a good publisher sends through it. `SLUICE_LONG=1` throws ten times as much.
 */
import { type ChildProcess, fork } from "node:child_process";
import { createHash } from "node:crypto";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { encodeAmf0 } from "../../media-worker/servers/rtmp/amf0.ts";
import { MESSAGE } from "../../media-worker/servers/rtmp/chunk.ts";
import type { RtmpLimits } from "../../media-worker/servers/rtmp/limits.ts";
import { makeSource, type Source } from "../harness/h264-source.ts";
import { ChunkWriter } from "../harness/rtmp-chunk-writer.ts";
import type { Report } from "../harness/rtmp-process.ts";
import { type Feed, feed, openPublisher, openSocket, type RtmpPublisher } from "../harness/rtmp-publisher.ts";

const LONG = process.env.SLUICE_LONG === "1";
const MUTATIONS = LONG ? 20_000 : 2_000;
const TRUNCATIONS = LONG ? 2_000 : 200;
const AT_ONCE = 30;
const MAX_GROWTH = 64 * 2 ** 20;
/** What is in use behind a garbage collection must stay as it is; reads under way make it waver. */
const MAX_LEAK = 16 * 2 ** 20;
/** Deadlines shorter than real ones, so that the test can wait for them. */
const LIMITS: Partial<RtmpLimits> = { handshakeMs: 1000, publishMs: 1500, idleMs: 1000, lingerMs: 500 };
const CLOSED_WITHIN_MS = 4000;

/** Small and quick (mulberry32): the same seed gives the same run. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

let child: ChildProcess;
let port: number;
let good: RtmpPublisher;
let source: Source;
let feeding: Promise<void>;
const stop = new AbortController();
const sent = { units: 0, hash: createHash("sha256") };

const ask = () =>
  new Promise<Report>((resolve, reject) => {
    child.once("message", (report) => resolve(report as Report));
    child.send("report", (error) => error && reject(error));
  });

beforeAll(async () => {
  child = fork(new URL("../harness/rtmp-process.ts", import.meta.url), [JSON.stringify(LIMITS)], {
    // A small young generation: V8 lets it grow with the rate of garbage, which would hide what we hold.
    execArgv: ["--expose-gc", "--max-semi-space-size=4"],
  });
  port = await new Promise((resolve) =>
    child.once("message", (message) => resolve((message as { port: number }).port)),
  );
  source = await makeSource({ seconds: 2, video: { size: "160x90", bFrames: 2 } });
  good = await openPublisher({ port });
  await good.publish("good");
  feeding = feedUntilStopped();
});

afterAll(() => {
  child.disconnect();
});

/** The same two seconds over and over, in real time, with time stamps that go on. */
async function feedUntilStopped(): Promise<void> {
  for (let round = 0; !stop.signal.aborted; round++) {
    const timestamp = (t: number) => t + round * 2000;
    const only = (tag: Feed["tags"][number]) => {
      sent.units++;
      sent.hash
        .update(`${tag.kind}${timestamp(tag.timestamp)}`)
        .update(tag.body.subarray(tag.kind === "video" ? 5 : 2));
      return true;
    };
    await feed(good, source, { timestamp, only, headers: round === 0 });
  }
}

/** Sends `bytes` and resolves with the milliseconds until the server has closed the connection. */
function throwAt(bytes: Buffer, end: "fin" | "stay"): Promise<number> {
  return new Promise((resolve, reject) => {
    const begin = performance.now();
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: end === "stay" });
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`not closed in ${CLOSED_WITHIN_MS} ms`));
    }, CLOSED_WITHIN_MS + 2000);
    const closed = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(performance.now() - begin);
    };
    socket.on("error", () => {});
    socket.on("close", closed);
    socket.on("end", closed);
    socket.resume();
    socket.write(bytes);
    if (end === "fin") socket.end();
  });
}

async function throwAll(inputs: Iterable<Buffer>, end: "fin" | "stay"): Promise<void> {
  const iterator = inputs[Symbol.iterator]();
  const lane = async () => {
    for (let next = iterator.next(); !next.done; next = iterator.next())
      expect(await throwAt(next.value, end)).toBeLessThan(CLOSED_WITHIN_MS);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

const HANDSHAKE = Buffer.concat([Buffer.of(3), Buffer.alloc(3072)]);
const command = (name: string, ...values: Parameters<typeof encodeAmf0>) =>
  new ChunkWriter().encode({ csid: 3, type: MESSAGE.command, payload: encodeAmf0(name, 1, ...values) });
const control = (type: number, ...bytes: number[]) =>
  new ChunkWriter().encode({ csid: 2, type, payload: Buffer.from(bytes) });
const rng = random(1);
const noise = (size: number) => Buffer.from(Uint8Array.from({ length: size }, () => rng(256)));
const CONNECT = command("connect", { app: "live", tcUrl: "rtmp://127.0.0.1/live" });
const deep = Buffer.concat([encodeAmf0("connect", 1), Buffer.alloc(60_000, Buffer.of(3, 0, 1, 97))]);

const MALFORMED: Record<string, Buffer[]> = {
  "a megabyte of noise": [noise(1 << 20)],
  "noise behind a handshake": [HANDSHAKE, noise(1 << 18)],
  "an HTTP request": [Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(300))],
  "a chunk size without a number": [HANDSHAKE, control(MESSAGE.setChunkSize)],
  "a chunk size of 0": [HANDSHAKE, control(MESSAGE.setChunkSize, 0, 0, 0, 0), Buffer.alloc(5000, 7)],
  "a chunk size of 2^31": [HANDSHAKE, control(MESSAGE.setChunkSize, 0x80, 0, 0, 0)],
  "connect with a tcUrl that is none": [HANDSHAKE, command("connect", { app: "live", tcUrl: "nonsense" })],
  "connect without an object": [HANDSHAKE, command("connect")],
  "AMF that is cut off": [
    HANDSHAKE,
    new ChunkWriter().encode({ csid: 3, type: MESSAGE.command, payload: Buffer.of(2, 0xff, 0xff, 1) }),
  ],
  "AMF 15,000 deep": [HANDSHAKE, new ChunkWriter().encode({ csid: 3, type: MESSAGE.command, payload: deep })],
  "publish before connect": [HANDSHAKE, command("publish", null, "x", "live")],
  "publish without a name": [HANDSHAKE, CONNECT, command("publish", null)],
  "video before publish": [
    HANDSHAKE,
    new ChunkWriter().encode({ csid: 6, type: MESSAGE.video, streamId: 1, payload: Buffer.of(0x17) }),
  ],
  "60 chunk streams that announce 16 MB each": [
    HANDSHAKE,
    ...Array.from({ length: 60 }, (_, n) =>
      new ChunkWriter().encode({
        csid: 3 + n,
        type: MESSAGE.video,
        streamId: 1,
        payload: Buffer.alloc(128),
        claimedLength: 0xffffff,
      }),
    ),
  ],
};

/** What a whole, valid session sends. */
async function recordSession(): Promise<Buffer> {
  const publisher = await openSocket({ port });
  const bytes: Buffer[] = [];
  const raw = publisher.raw.bind(publisher);
  publisher.raw = (sent) => {
    bytes.push(sent);
    raw(sent);
  };
  await publisher.handshake();
  await publisher.connect();
  await publisher.createStream();
  await publisher.publish("fuzz");
  await feed(publisher, source, { seconds: 0.7, speed: Number.POSITIVE_INFINITY });
  publisher.deleteStream();
  await publisher.closed;
  return Buffer.concat(bytes);
}

/** One to four changes, most of them behind the handshake, whose bytes mean nothing. */
function mutate(session: Buffer, below: (limit: number) => number): Buffer {
  let bytes = Buffer.from(session);
  for (let changes = 1 + below(4); changes > 0; changes--) {
    const begin = below(10) === 0 ? 0 : Math.min(HANDSHAKE.length, bytes.length);
    // Commands and headers lie at the front: half of the changes go there.
    const range = below(2) === 0 ? Math.min(1000, bytes.length - begin) : bytes.length - begin;
    const at = begin + below(Math.max(1, range));
    const size = 1 + below(below(5) === 0 ? 5000 : 8);
    const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
    const change = below(6);
    if (change === 0) bytes[at] = below(256);
    else if (change === 1) bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
    else if (change === 2) bytes.fill([0, 0xff, 0x7f, 0x80][below(4)] ?? 0, at, Math.min(bytes.length, at + size));
    else if (change === 3) bytes = Buffer.concat([head, tail.subarray(size)]);
    else if (change === 4) bytes = Buffer.concat([head, tail.subarray(0, size), tail]);
    else bytes = Buffer.concat([head, Buffer.from(Uint8Array.from({ length: size }, () => below(256))), tail]);
  }
  return bytes;
}

describe("malformed input", () => {
  test.each(Object.entries(MALFORMED))("%s: the connection is closed in time", async (_name, parts) => {
    expect(await throwAt(Buffer.concat(parts), "stay")).toBeLessThan(CLOSED_WITHIN_MS);
  });

  test(`${MUTATIONS} mutations and ${TRUNCATIONS} truncations of a valid session`, { timeout: 600_000 }, async () => {
    const session = await recordSession();
    const below = random(42);
    const mutations = (count: number) => Array.from({ length: count }, () => mutate(session, below));
    await throwAll(mutations(MUTATIONS / 10), "fin");
    const before = await ask();
    const batches = Math.ceil(MUTATIONS / 500);
    let highest = 0;
    for (let batch = 0; batch < batches; batch++) {
      await throwAll(mutations(500), "fin");
      highest = Math.max(highest, (await ask()).rss);
    }
    const truncations = Array.from({ length: TRUNCATIONS }, () => session.subarray(0, below(session.length)));
    for (const end of ["fin", "stay"] as const) await throwAll(truncations, end);
    await throwAll(mutations(TRUNCATIONS), "stay");
    const after = await ask();
    expect(Math.max(highest, after.rss) - before.rss).toBeLessThan(MAX_GROWTH);
    expect(after.inUse - before.inUse).toBeLessThan(MAX_LEAK);
  });

  test("has cost the good publisher nothing, and the server no error", async () => {
    stop.abort();
    await feeding;
    await good.flushed();
    good.deleteStream();
    expect(await good.nextStatus()).toMatchObject({ code: "NetStream.Unpublish.Success" });
    await good.closed;
    // This side sees the end of a connection before the server is told that it was seen.
    const report = await vi.waitFor(async () => {
      const now = await ask();
      expect(now.connections).toBe(0);
      return now;
    }, CLOSED_WITHIN_MS);
    expect(report.errors).toEqual([]);
    expect(report.late).toBe(0);
    expect(report.good).toEqual({ units: sent.units, hash: sent.hash.digest("hex") });
    expect(child.exitCode).toBe(null);
    // The mutations got as far as publishing, and ended in different ways.
    for (const reason of ["finished", "protocol_error", "disconnected", "stalled"] as const)
      expect(report.ends[reason]).toBeGreaterThan(100);
  });
});
