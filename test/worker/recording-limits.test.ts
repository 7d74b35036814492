/** As much as can be recorded, more than can be, and what a media worker may not claim. */
import { sql } from "drizzle-orm";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { type Run, SLICE_BYTES } from "../../schema/contract/recording.ts";
import { vod_parts } from "../../schema/tables/vods.ts";
import { PARTS_MAX } from "../../workers/vods/recorded-parts.ts";
import { call, db, logged, newUser } from "./client.ts";
import type { TestMediaWorker } from "./media-worker.ts";
import { TestPart } from "./recorded-part.ts";
import {
  becomes,
  endBroadcast,
  finish,
  onAir,
  partRow,
  recordingWorker,
  type Scene,
  vodOf,
} from "./recording-scene.ts";
import { fetchRaw, vodPath } from "./recordings.ts";
import { bucket } from "./s3.ts";

vi.setConfig({ testTimeout: 60_000 });

let owner: Awaited<ReturnType<typeof newUser>>;
let worker: TestMediaWorker;
let scene: Scene;
beforeAll(async () => {
  owner = await newUser();
});
beforeEach(async () => {
  worker = await recordingWorker();
  scene = await onAir(owner, worker);
});
afterEach(() => bucket.heal());

describe("the largest part", () => {
  const slices = Array.from({ length: 10_000 }, (_, index) => ({
    n: index + 1,
    size: SLICE_BYTES,
    etag: `"${String(index).padStart(32, "0")}"`,
  }));
  const size = slices.length * SLICE_BYTES;

  /** 30,000 runs in all of it. */
  function runsOf(header: number): Run[] {
    const each = Math.floor((size - header) / 30_000);
    const runs = Array.from({ length: 30_000 }, (): Run => [each, 1_440]);
    runs[0] = [size - header - 29_999 * each, 1_440];
    return runs;
  }

  test("is taken, and its playlist has all of it", async () => {
    const part = new TestPart(worker, scene.grant);
    await part.open();
    const row = await partRow(part.id);
    const runs = runsOf(row?.header_bytes ?? 0);
    // Nobody uploads 80 GB here.
    const s3 = vi.fn<Fetcher["fetch"]>(async () => new Response("<CompleteMultipartUploadResult/>"));
    const whole = { part_id: part.id, slices, runs, size, duration_ms: 30_000 * 1_440, end: "limit" };
    const headers = { authorization: `Bearer ${await worker.token()}`, "content-type": "application/json" };
    const request = { method: "POST", headers, body: JSON.stringify(whole) };
    const reply = await fetchRaw("/internal/media/recordings/complete", request, {
      S3: { fetch: s3 } as unknown as Fetcher,
    });
    expect([reply.status, new TextDecoder().decode(reply.bytes)]).toEqual([200, '{"keep":true,"state":"done"}']);
    expect(s3).toHaveBeenCalledOnce();
    const { text } = await call("GET", `/api/vod/${part.vod}/index.m3u8`, { token: owner.token });
    expect(text.split("#EXTINF").length - 1).toBe(30_000);
  });

  test("is read of media workers only", async () => {
    const body = { slices: slices.map((slice) => ({ ...slice, etag: "e".repeat(500) })) };
    expect((await call("POST", "/internal/media/recordings/complete", { body })).status).toBe(401);
    expect((await call("POST", "/internal/media/recordings/complete", { token: owner.token, body })).status).toBe(401);
  });

  test("what is larger is refused with what is wrong", async () => {
    logged("warn");
    const part = new TestPart(worker, scene.grant);
    await part.open();
    const [first] = slices;
    const more = await part.complete({ slices: [...slices, { ...first, n: 10_000 }] });
    expect([more.status, more.body.error]).toEqual([400, expect.stringContaining("slices")]);
    const long = slices.map((slice) => ({ ...slice, etag: "e".repeat(500) }));
    const large = await part.complete({ slices: long });
    expect([large.status, large.body.error]).toEqual([413, "The body is larger than 4096 KiB"]);
  });
});

test("lengths and times that cannot be are refused: the library goes on showing what there is", async () => {
  logged("warn");
  const part = new TestPart(worker, scene.grant);
  await part.open();
  for (const [claim, where] of [
    [{ duration_ms: Number.MAX_SAFE_INTEGER }, "duration_ms"],
    [{ size: Number.MAX_SAFE_INTEGER }, "size"],
    [{ runs: [[1, Number.MAX_SAFE_INTEGER]] }, "runs"],
    [{ runs: [[-1, 4000]] }, "runs"],
  ] as const) {
    const { status, body } = await part.progress(claim);
    expect([status, body.error]).toEqual([400, expect.stringContaining(where)]);
  }
  const never = new TestPart(worker, scene.grant, { n: 1, started_at: Number.MAX_SAFE_INTEGER });
  expect((await never.open()).status).toBe(400);
  expect((await call("GET", "/api/library", { token: owner.token })).status).toBe(200);
});

test("a session of thousands of parts is recorded up to a bound, says so, and plays", async () => {
  logged("warn");
  const part = new TestPart(worker, scene.grant, { runs: 1 });
  expect((await part.handIn()).body.state).toBe("done");
  await db.run(sql`
    WITH RECURSIVE count (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < ${PARTS_MAX - 1})
    INSERT INTO ${vod_parts} (id, vod_id, epoch, n, worker_id, state, object_key, started_at, duration_ms, size, codecs,
                              init_bytes, header_bytes, runs, updated_at)
    SELECT id || count.n, vod_id, epoch, count.n, worker_id, state, object_key, started_at + count.n * 6000, duration_ms, size,
           codecs, init_bytes, header_bytes, runs, updated_at
    FROM ${vod_parts}, count WHERE ${vod_parts.id} = ${part.id}`);
  const another = new TestPart(worker, scene.grant, { n: PARTS_MAX });
  expect((await another.open()).body).toEqual({ keep: false, reason: "not_recorded" });
  expect((await part.open()).body.keep).toBe(true);

  await endBroadcast(scene, worker);
  await finish(worker);
  await becomes(part.vod, "truncated");
  const vod = await vodOf(part.vod);
  expect(vod?.error).toBe("The encoder reconnected 2000 times: what came after that was not recorded");
  expect(vod?.gaps).toHaveLength(PARTS_MAX - 1);
  const { status, text } = await call("GET", vodPath({ public_id: part.vod }, "index.m3u8"));
  expect([status, text.split("#EXT-X-MAP").length - 1]).toEqual([200, PARTS_MAX]);
  const { body } = await call("GET", `/api/library/${vod?.id}`, { token: owner.token });
  expect(body.vod.parts).toHaveLength(PARTS_MAX);
});
