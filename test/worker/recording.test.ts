/** Recordings as media workers hand them in: opened once, uploaded, completed, whatever is said twice or goes wrong. */
import { eq } from "drizzle-orm";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { SLICE_BYTES } from "../../schema/contract/recording.ts";
import { jobs } from "../../schema/tables/media.ts";
import { streams } from "../../schema/tables/streams.ts";
import { vod_parts, vod_runs, vod_slices, vods } from "../../schema/tables/vods.ts";
import { openPart } from "../../workers/vods/open-part.ts";
import { call, db, logged, newUser, system } from "./client.ts";
import type { TestMediaWorker } from "./media-worker.ts";
import { TestPart } from "./recorded-part.ts";
import { eventsOf, onAir, partRow, recordingWorker, type Scene, vodOf } from "./recording-scene.ts";
import { bucket, objectsOf, uploadsOf } from "./s3.ts";

vi.setConfig({ testTimeout: 60_000 });

const DAY_MS = 24 * 3600_000;

let owner: Awaited<ReturnType<typeof newUser>>;
let worker: TestMediaWorker;
let scene: Scene;
beforeAll(async () => {
  owner = await newUser();
  worker = await recordingWorker();
  scene = await onAir(owner, worker);
});
// Or its link is given up.
beforeEach(() => worker.heartbeat());
afterEach(() => bucket.heal());

describe("opening a part", () => {
  test("makes the VOD, the part and its upload, and tells of it", async () => {
    const part = new TestPart(worker, scene.grant);
    const { status, body } = await part.open();
    expect([status, body]).toEqual([
      200,
      { keep: true, part_id: expect.stringMatching(/^part_/), vod: expect.stringMatching(/^vod_[\w-]{16}$/) },
    ]);
    expect(await vodOf(part.vod)).toMatchObject({
      user_id: owner.id,
      stream_id: scene.stream.id,
      session: scene.grant.session,
      title: scene.stream.title,
      visibility: "unlisted",
      status: "recording",
    });
    const key = `vods/${part.vod}/${scene.grant.epoch}-0.mp4`;
    const [upload] = await uploadsOf(part.vod);
    expect(upload).toMatchObject({ key, slices: [] });
    expect(await partRow(part.id)).toMatchObject({
      worker_id: worker.id,
      state: "uploading",
      object_key: key,
      upload_id: upload?.upload_id,
      width: 1280,
      height: 720,
      frame_rate: 30,
      codecs: "avc1.64001f,mp4a.40.2",
    });
    expect(await eventsOf(part.vod)).toEqual(["started"]);
  });

  test("takes its visibility from the stream", async () => {
    for (const [fields, visibility] of [
      [{ is_public: 0 }, "private"],
      [{ is_public: 1, allow_unauthenticated: 1 }, "public"],
      [{ is_public: 0, allow_unauthenticated: 1 }, "private"],
    ] as const) {
      const part = new TestPart(worker, (await onAir(owner, worker, fields)).grant);
      await part.open();
      expect((await vodOf(part.vod))?.visibility).toBe(visibility);
    }
  });

  test("again gives the same, with one upload and one event", async () => {
    const { grant } = await onAir(owner, worker);
    const parts = Array.from({ length: 8 }, () => new TestPart(worker, grant));
    await Promise.all(parts.map((part) => part.open()));
    const [first] = parts;
    expect(new Set(parts.map((part) => part.id)).size).toBe(1);
    expect(await eventsOf(first!.vod)).toEqual(["started"]);
    await expect.poll(async () => (await uploadsOf(first!.vod)).length, { timeout: 10_000 }).toBe(1);
    const [upload] = await uploadsOf(first!.vod);
    expect((await partRow(first!.id))?.upload_id).toBe(upload?.upload_id);
  });

  test("two workers and many parts of one session are one VOD", async () => {
    const other = await recordingWorker();
    const { stream, grant } = await onAir(owner, worker);
    const second = await other.publish(stream.stream_key);
    expect(second.session).toBe(grant.session);
    const parts = [
      ...[0, 1, 2].map((n) => new TestPart(worker, grant, { n })),
      ...[0, 1].map((n) => new TestPart(other, second, { n })),
    ];
    await Promise.all(parts.map((part) => part.open()));
    expect(new Set(parts.map((part) => part.vod)).size).toBe(1);
    expect(new Set(parts.map((part) => part.id)).size).toBe(5);
    expect(await db.select().from(vods).where(eq(vods.session, grant.session))).toHaveLength(1);
    expect(await eventsOf(parts[0]!.vod)).toEqual(["started"]);
  });

  test("of a session that is not known yet is to be tried again; nothing is made", async () => {
    logged("warn");
    const { grant } = await onAir(owner, worker);
    const stranger = new TestPart(await recordingWorker(), grant);
    expect((await stranger.open()).status).toBe(409);
    const unknown = new TestPart(worker, { ...grant, session: "s0unknown" });
    expect((await unknown.open()).status).toBe(409);
    expect(await db.select().from(vods).where(eq(vods.session, grant.session))).toEqual([]);
  });

  test("of a session that was never let in is given up after a day", async () => {
    const { grant } = await onAir(owner, worker);
    const old = new TestPart(worker, { ...grant, session: "s0refused" }, { started_at: Date.now() - DAY_MS - 1000 });
    expect((await old.open()).body).toEqual({ keep: false, reason: "not_recorded" });
  });

  test("that was let in offline, of a stream that is not to be recorded, is not wanted", async () => {
    const { stream, grant } = await onAir(owner, worker);
    await db
      .update(jobs)
      .set({ spec: { offline: true } })
      .where(eq(jobs.id, grant.job_id));
    await db.update(streams).set({ record: 0 }).where(eq(streams.id, stream.id));
    expect((await new TestPart(worker, grant).open()).body).toEqual({ keep: false, reason: "not_recorded" });
  });

  test("needs what a part has", async () => {
    const part = new TestPart(worker, scene.grant, { epoch: "../../other" });
    logged("warn");
    expect((await part.open()).status).toBe(400);
    const [body] = [{ stream_id: 1 }];
    expect((await part.say("open", body)).status).toBe(400);
    expect((await call("POST", "/internal/media/recordings/open", { body })).status).toBe(401);
  });

  test("while S3 is away leaves a part that goes on when it is back", async () => {
    logged("warn");
    const { grant } = await onAir(owner, worker);
    const part = new TestPart(worker, grant);
    await bucket.fault({
      operation: "CreateMultipartUpload",
      times: 1,
      effect: { status: 500, code: "InternalError" },
    });
    const refused = await part.open();
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "2"]);
    expect((await db.select().from(vods).where(eq(vods.session, grant.session)).get())?.status).toBe("recording");
    expect((await part.open()).status).toBe(200);
    expect(await eventsOf(part.vod)).toEqual(["started"]);
    expect((await partRow(part.id))?.upload_id).not.toBeNull();
  });

  test("without a bucket is unavailable", async () => {
    const without = { ...system(), settings: { ...system().settings, s3: null } };
    const request = { ...scene.grant, n: 9, started_at: 1, tracks: [], init_bytes: 1, header_bytes: 2 };
    await expect(openPart(without, worker.id, request)).rejects.toMatchObject({ code: "storage_unavailable" });
  });
});

describe("of a deleted stream", () => {
  test("what was opened goes on, and its VOD stays its owner's", async () => {
    const { stream, grant } = await onAir(owner, worker);
    const part = new TestPart(worker, grant, { runs: 1 });
    await part.open();
    expect((await call("DELETE", `/api/streams/${stream.id}`, { token: owner.token })).status).toBe(200);
    expect(await vodOf(part.vod)).toMatchObject({ stream_id: null, user_id: owner.id });
    expect((await part.open()).body.part_id).toBe(part.id);
    await part.upload();
    expect((await part.complete()).body).toEqual({ keep: true, state: "done" });
    const next = new TestPart(worker, grant, { n: 1 });
    await next.open();
    expect(next.vod).toBe(part.vod);
  });

  test("what comes first afterwards is not wanted", async () => {
    const { stream, grant } = await onAir(owner, worker);
    await call("DELETE", `/api/streams/${stream.id}`, { token: owner.token });
    expect((await new TestPart(worker, grant).open()).body).toEqual({ keep: false, reason: "deleted" });
    const offline = { ...grant, session: "s0offline" };
    expect((await new TestPart(worker, offline).open()).body).toEqual({ keep: false, reason: "deleted" });
  });
});

describe("uploading", () => {
  test("addresses are handed out in batches, and take slices of this part only", async () => {
    const { grant } = await onAir(owner, worker);
    const part = new TestPart(worker, grant);
    await part.open();
    const { body } = await part.say("sign", { part_id: part.id, from: 3, count: 16 });
    expect(body.urls.map(({ n }: { n: number }) => n)).toEqual(Array.from({ length: 16 }, (_, index) => index + 3));
    expect(body.expires_at - Date.now()).toBeGreaterThan(3_500_000);
    const [{ url }] = body.urls;
    expect(new URL(url).searchParams.get("partNumber")).toBe("3");
    const last = await part.say("sign", { part_id: part.id, from: 9_999, count: 16 });
    expect(last.body.urls).toHaveLength(2);
    logged("warn");
    for (const bad of [
      { from: 0, count: 1 },
      { from: 1, count: 17 },
      { from: 10_001, count: 1 },
    ]) {
      expect((await part.say("sign", { part_id: part.id, ...bad })).status).toBe(400);
    }
  });

  test("another worker's part is not found, whatever is asked of it", async () => {
    logged("warn");
    const { grant } = await onAir(owner, worker);
    const part = new TestPart(worker, grant, { runs: 1 });
    await part.open();
    await part.upload();
    const other = await recordingWorker();
    const runs = { first_run: 0, runs: [], size: 0, duration_ms: 0, slices: [] };
    expect((await part.say("sign", { part_id: part.id, from: 1, count: 1 }, other)).status).toBe(404);
    expect((await part.say("progress", { part_id: part.id, ...runs }, other)).status).toBe(404);
    expect((await part.complete({}, other)).status).toBe(404);
    expect((await partRow(part.id))?.state).toBe("uploading");
  });

  test("progress shows at once, only grows, and is the same said twice", async () => {
    const { grant } = await onAir(owner, worker);
    const part = new TestPart(worker, grant, { runs: 6 });
    await part.open();
    await part.upload([1]);
    const [slice] = part.slices;
    const half = { slices: [slice], runs: part.runs.slice(0, 3), size: 11 * 1024 * 1024, duration_ms: 12_000 };
    for (let time = 0; time < 2; time++) expect((await part.progress(half)).body).toEqual({ keep: true });
    expect(await vodOf(part.vod)).toMatchObject({ duration_ms: 12_000, size: 11 * 1024 * 1024 });
    const rest = { slices: [], first_run: 3, runs: part.runs.slice(3) };
    for (let time = 0; time < 2; time++) expect((await part.progress(rest)).status).toBe(200);
    // An older report that was delayed.
    expect((await part.progress(half)).status).toBe(200);
    expect(await vodOf(part.vod)).toMatchObject({ duration_ms: 24_000, size: part.size });
    expect(await db.select().from(vod_slices).where(eq(vod_slices.part_id, part.id))).toHaveLength(1);
    expect(await db.select().from(vod_runs).where(eq(vod_runs.part_id, part.id))).toHaveLength(2);
    await part.upload([1]);
    await part.progress({ slices: [{ ...part.slices[1], etag: '"anew"' }], runs: [] });
    const [kept] = await db.select().from(vod_slices).where(eq(vod_slices.part_id, part.id));
    expect(kept?.etag).toBe('"anew"');
  });

  test("progress that cannot be is refused, and nothing changes", async () => {
    const { grant } = await onAir(owner, worker);
    const part = new TestPart(worker, grant);
    await part.open();
    const slice = { n: 1, size: SLICE_BYTES, etag: "e" };
    for (const [bad, why] of [
      [{ slices: [slice, slice] }, "twice"],
      [{ slices: [{ ...slice, n: 4 }] }, "behind the size"],
      [{ slices: [{ ...slice, size: 1000 }] }, "not the last"],
      [{ size: 1024 * 1024 }, "larger than the size"],
      [{ first_run: 2 }, "from 0 to 2 are missing"],
      [{ first_run: -1 }, "first_run"],
    ] as const) {
      const { status, body } = await part.progress(bad);
      expect([status, body.error]).toEqual([400, expect.stringContaining(why)]);
    }
    expect(await partRow(part.id)).toMatchObject({ size: 0, duration_ms: 0 });
    expect(await db.select().from(vod_slices).where(eq(vod_slices.part_id, part.id))).toEqual([]);
  });
});

describe("completing", () => {
  let part: TestPart;
  const begin = async (options = {}) => {
    part = new TestPart(worker, (await onAir(owner, worker)).grant, options);
    await part.open();
    await part.upload();
    await part.progress();
  };

  test("makes one object of the slices; repeating it is the same", async () => {
    await begin();
    for (let time = 0; time < 3; time++) expect((await part.complete()).body).toEqual({ keep: true, state: "done" });
    expect(Object.values(await objectsOf(part.vod))).toEqual([part.size]);
    expect(await uploadsOf(part.vod)).toEqual([]);
    const row = await partRow(part.id);
    expect(row).toMatchObject({
      state: "done",
      size: part.size,
      duration_ms: 24_000,
      end: "finished",
      runs: part.runs,
    });
    expect(await db.select().from(vod_slices).where(eq(vod_slices.part_id, part.id))).toEqual([]);
    expect(await db.select().from(vod_runs).where(eq(vod_runs.part_id, part.id))).toEqual([]);
    expect((await vodOf(part.vod))?.status).toBe("recording");
    // What was under way meanwhile.
    expect((await part.progress()).body).toEqual({ keep: true });
    expect((await part.say("sign", { part_id: part.id, from: 1, count: 1 })).body.keep).toBe(false);
  });

  test("ten at once are one", async () => {
    logged("warn");
    await begin({ runs: 1 });
    const replies = await Promise.all(Array.from({ length: 10 }, () => part.complete()));
    // While S3 joins the slices, there is neither an upload nor an object.
    for (const { status } of replies) expect([200, 503]).toContain(status);
    expect((await part.complete()).body).toEqual({ keep: true, state: "done" });
    expect(await partRow(part.id)).toMatchObject({ state: "done", size: part.size });
  });

  test("that worked and whose answer was lost is found out", async () => {
    logged("warn");
    await begin();
    const lost = { operation: "CompleteMultipartUpload", times: 1 } as const;
    await bucket.fault({ ...lost, effect: { cut: "answer" } });
    expect((await part.complete()).status).toBe(503);
    expect((await partRow(part.id))?.state).toBe("uploading");
    expect((await part.complete()).body).toEqual({ keep: true, state: "done" });

    await begin();
    await bucket.fault({ ...lost, effect: { status: 500, code: "InternalError", done: true } });
    expect((await part.complete()).status).toBe(503);
    expect((await part.complete()).body).toEqual({ keep: true, state: "done" });
    expect(Object.values(await objectsOf(part.vod))).toEqual([part.size]);
  });

  test("that S3 answers with 200 and an error did not work", async () => {
    logged("warn");
    await begin();
    await bucket.fault({
      operation: "CompleteMultipartUpload",
      times: 1,
      effect: { status: 200, code: "InternalError" },
    });
    expect((await part.complete()).status).toBe(503);
    expect(await objectsOf(part.vod)).toEqual({});
    expect((await part.complete()).body).toEqual({ keep: true, state: "done" });
  });

  test("of an upload that stays gone fails the part", async () => {
    logged("warn");
    logged("error");
    await begin({ runs: 1 });
    await bucket.expire((await uploadsOf(part.vod))[0]!.upload_id);
    // Another call may be about to make the object.
    expect((await part.complete()).status).toBe(503);
    const updated_at = Date.now() - 11 * 60_000;
    await db.update(vod_parts).set({ updated_at }).where(eq(vod_parts.id, part.id));
    expect((await part.complete()).body).toEqual({ keep: false, reason: "deleted" });
    expect(await partRow(part.id)).toMatchObject({ state: "failed", duration_ms: 4000 });
    expect((await part.complete()).body.keep).toBe(false);
    expect((await vodOf(part.vod))?.duration_ms).toBe(0);
  });

  test("that does not add up is refused with what is wrong, and nothing changes", async () => {
    logged("warn");
    await begin();
    const [first, second, third] = part.slices;
    for (const [bad, why] of [
      [{ slices: [first, third] }, "slice 2 is missing"],
      [{ slices: [{ ...first, size: 1 }, second, third] }, "slice 1 has a wrong size"],
      [{ slices: [first, second] }, "the slices have 16777216 bytes"],
      [{ runs: part.runs.slice(1) }, "header and runs have"],
      [{ size: part.size + 1 }, "the part"],
      [{ slices: [{ ...first, etag: '"wrong"' }, second, third] }, "S3 does not take the slices"],
      [{ end: "tired" }, "end"],
    ] as const) {
      const { status, body } = await part.complete(bad);
      expect([status, body.error]).toEqual([400, expect.stringContaining(why)]);
    }
    expect(await objectsOf(part.vod)).toEqual({});
    expect((await partRow(part.id))?.state).toBe("uploading");
    expect((await part.complete()).body.state).toBe("done");
  });

  test("of a VOD that was deleted meanwhile is not wanted, and leaves nothing", async () => {
    await begin({ runs: 1 });
    await db.update(vods).set({ status: "processing" }).where(eq(vods.public_id, part.vod));
    const { id } = (await vodOf(part.vod))!;
    expect((await call("DELETE", `/api/library/${id}`, { token: owner.token })).status).toBe(200);
    expect((await part.complete()).body).toEqual({ keep: false, reason: "deleted" });
    expect((await part.progress()).body).toEqual({ keep: false, reason: "deleted" });
    expect((await part.say("sign", { part_id: part.id, from: 1, count: 1 })).body.keep).toBe(false);
    await expect.poll(async () => (await uploadsOf(part.vod)).length, { timeout: 10_000 }).toBe(0);
    expect(await objectsOf(part.vod)).toEqual({});
    expect(await db.select().from(vod_parts).where(eq(vod_parts.id, part.id))).toEqual([]);
  });
});
