/** The end of a recorded session: `encoding` until its VOD is settled, by whatever is left of it and whoever is there. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { eq } from "drizzle-orm";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { ENCODING_MAX_MS } from "../../schema/contract/live.ts";
import { ABANDONED_MS } from "../../schema/contract/recording.ts";
import { outbox } from "../../schema/tables/events.ts";
import { jobs } from "../../schema/tables/media.ts";
import { vod_parts, vods } from "../../schema/tables/vods.ts";
import type { Ctx } from "../../workers/core/context.ts";
import { endSession } from "../../workers/vods/end-session.ts";
import { removeDoomed } from "../../workers/vods/remove-doomed.ts";
import { sweepRecordings } from "../../workers/vods/sweep-recordings.ts";
import { truncatePart } from "../../workers/vods/truncate-part.ts";
import { eventually } from "../harness/eventually.ts";
import { call, db, logged, newUser, system } from "./client.ts";
import { ended, READY, runningJob, type TestMediaWorker } from "./media-worker.ts";
import { TestPart } from "./recorded-part.ts";
import {
  alterLive,
  becomes,
  endBroadcast,
  eventsOf,
  finish,
  isLive,
  jobsOf,
  liveEvents,
  liveObject,
  onAir,
  partRow,
  passGrace,
  recordingWorker,
  type Scene,
  vodOf,
} from "./recording-scene.ts";
import { bucket, objectsOf, uploadsOf } from "./s3.ts";
import { silence } from "./task-worker.ts";

vi.setConfig({ testTimeout: 60_000 });

const MIB = 1024 * 1024;
const WAIT = { timeout: 30_000, interval: 50 };

let owner: Awaited<ReturnType<typeof newUser>>;
let worker: TestMediaWorker;
let scene: Scene;
beforeAll(async () => {
  owner = await newUser();
});
beforeEach(async () => {
  worker = await recordingWorker();
  scene = await onAir(owner, worker);
  await isLive(scene.stream.id, 1);
});
afterEach(() => bucket.heal());

/** So much later. */
const later = (ms: number): Ctx => ({ ...system(), now: () => Date.now() + ms });
const liveState = async () => (await liveObject(scene.stream.id).playback()).state;
const thumbnailsOf = async (session: string) => (await jobsOf(session)).filter((job) => job.kind === "thumbnail");

/** More parts like this one, of the same VOD. */
async function copies(id: string, count: number, change: Partial<typeof vod_parts.$inferInsert>): Promise<void> {
  const part = (await partRow(id))!;
  for (let n = 1; n <= count; n++) {
    const copy = { ...part, ...change, id: `${id}-${n}`, n, object_key: `${part.object_key}-${n}`, duration_ms: 0 };
    await db.insert(vod_parts).values(copy);
  }
}

describe("a recorded session that ends", () => {
  test("is encoding until its recording is ready, and offline then", async () => {
    const part = new TestPart(worker, scene.grant, { started_at: Date.now() - 30_000 });
    await part.open();
    await part.upload([1, 2]);
    await endBroadcast(scene, worker);
    await isLive(scene.stream.id, 2);
    expect(await liveEvents(scene.stream.id)).toEqual(["live"]);
    await becomes(part.vod, "processing");

    await part.upload([3]);
    expect((await part.complete()).body.state).toBe("done");
    // The worker may have more.
    expect((await vodOf(part.vod))?.status).toBe("processing");
    await finish(worker);
    await becomes(part.vod, "ready");
    await isLive(scene.stream.id, 0);
    expect(await liveEvents(scene.stream.id)).toEqual(["live", "offline"]);
    expect(await vodOf(part.vod)).toMatchObject({
      error: null,
      duration_ms: 24_000,
      size: part.size,
      gaps: [],
      settled: 1,
      session_ended: 1,
    });
    expect(await eventsOf(part.vod)).toEqual(["started", "ready"]);
    const [thumbnail] = await thumbnailsOf(scene.grant.session);
    expect(thumbnail).toMatchObject({ id: `thumbnail:${part.vod}:1`, affinity: worker.id });
  });

  test("without a picture has no thumbnail", async () => {
    const part = new TestPart(worker, scene.grant, { runs: 1, video: false });
    await part.handIn();
    expect((await bucket.look()).objects.find(({ key }) => key.includes(part.vod))?.content_type).toBe("audio/mp4");
    await endBroadcast(scene, worker);
    await finish(worker);
    await becomes(part.vod, "ready");
    expect(await thumbnailsOf(scene.grant.session)).toEqual([]);
  });

  test("of which nothing was recorded is offline when the worker says so", async () => {
    await endBroadcast(scene, worker);
    await isLive(scene.stream.id, 2);
    await finish(worker);
    await isLive(scene.stream.id, 0);
    expect(await db.select().from(vods).where(eq(vods.session, scene.grant.session))).toEqual([]);
  });

  test("that is not recorded is offline at once", async () => {
    const silent = await onAir(owner, worker, { record: false });
    expect(silent.grant.policy.record).toBe(false);
    await endBroadcast(silent, worker);
    expect((await liveObject(silent.stream.id).playback()).state).toBe("offline");
    expect((await jobsOf(silent.grant.session)).map((job) => job.kind)).toEqual(["ingest"]);
  });

  test("is not waited for longer than five minutes", async () => {
    const part = new TestPart(worker, scene.grant);
    await part.open();
    await endBroadcast(scene, worker);
    await isLive(scene.stream.id, 2);
    await alterLive(scene.stream.id, (record) => {
      expect(record.encoding_until - record.ended_at).toBe(ENCODING_MAX_MS);
      record.encoding_until = 1;
    });
    await runDurableObjectAlarm(liveObject(scene.stream.id));
    await isLive(scene.stream.id, 0);
    expect((await vodOf(part.vod))?.status).toBe("processing");
  });

  test("whose end the database does not take is told again by the alarm", async () => {
    logged("error");
    const part = new TestPart(worker, scene.grant, { runs: 1 });
    await part.handIn();
    await db.run("ALTER TABLE vods RENAME TO vods_away");
    try {
      await endBroadcast(scene, worker);
      await isLive(scene.stream.id, 2);
    } finally {
      await db.run("ALTER TABLE vods_away RENAME TO vods");
    }
    expect((await vodOf(part.vod))?.session_ended).toBe(0);
    await runDurableObjectAlarm(liveObject(scene.stream.id));
    await finish(worker);
    await becomes(part.vod, "ready");
    await isLive(scene.stream.id, 0);
    expect((await jobsOf(scene.grant.session)).filter((job) => job.kind === "finish")).toHaveLength(1);
  });

  test("said twice changes nothing", async () => {
    const part = new TestPart(worker, scene.grant, { runs: 1 });
    await part.handIn();
    await endBroadcast(scene, worker);
    await finish(worker);
    await becomes(part.vod, "ready");
    const before = await vodOf(part.vod);
    await endSession(system(), { stream_id: scene.stream.id, session: scene.grant.session, end: "1" });
    expect(await vodOf(part.vod)).toEqual(before);
    expect(await eventsOf(part.vod)).toEqual(["started", "ready"]);
  });

  test("with the next publisher there already: a session and a recording of its own", async () => {
    const part = new TestPart(worker, scene.grant, { runs: 1 });
    await part.open();
    await endBroadcast(scene, worker);
    await isLive(scene.stream.id, 2);
    const next = await worker.publish(scene.stream.stream_key);
    expect(next.session).not.toBe(scene.grant.session);
    await isLive(scene.stream.id, 1);
    expect(await liveEvents(scene.stream.id)).toEqual(["live", "offline", "live"]);
    await part.upload();
    await part.complete();
    await finish(worker);
    await becomes(part.vod, "ready");
    expect(await liveState()).toBe("live");
    const second = new TestPart(worker, next, { runs: 1 });
    await second.open();
    expect(second.vod).not.toBe(part.vod);
  });

  test("and comes back goes on in the same recording", async () => {
    const part = new TestPart(worker, scene.grant, { runs: 2 });
    await part.open();
    await endBroadcast(scene, worker);
    await becomes(part.vod, "processing");
    // Its worker had been cut off, and still carries it.
    await alterLive(scene.stream.id, (record) => {
      record.lost_lease = scene.grant.lease;
    });
    await db.update(jobs).set({ state: "lost" }).where(eq(jobs.id, scene.grant.job_id));
    expect(await liveObject(scene.stream.id).resume(runningJob(scene.grant), { id: worker.id, play_url: "" })).toBe(
      true,
    );
    await isLive(scene.stream.id, 1);
    await becomes(part.vod, "recording");
    expect(await liveEvents(scene.stream.id)).toEqual(["live", "offline", "live:2"]);
    // The first end's task is over meanwhile: the part is not cut short for that.
    await finish(worker);
    expect((await partRow(part.id))?.state).toBe("uploading");
    await part.upload();
    expect((await part.complete()).body.state).toBe("done");
    await liveObject(scene.stream.id).report({
      ...{ job_id: scene.grant.job_id, attempt: 1, seq: 9, lease: scene.grant.lease },
      progress: runningJob(scene.grant).progress,
      body: ended("stopped"),
    });
    await finish(worker);
    await becomes(part.vod, "ready");
    await isLive(scene.stream.id, 0);
    expect(await liveEvents(scene.stream.id)).toEqual(["live", "offline", "live:2", "offline:2"]);
    expect(await eventsOf(part.vod)).toEqual(["started", "ready"]);
  });
});

describe("settling", () => {
  test("joins parts in order, whatever order they come in, and names the gaps", async () => {
    const at = Date.now() - 600_000;
    const made = [
      new TestPart(worker, scene.grant, { epoch: "e1", n: 0, started_at: at, runs: 2 }),
      new TestPart(worker, scene.grant, { epoch: "e1", n: 1, started_at: at + 8_300, runs: 1 }),
      new TestPart(worker, scene.grant, { epoch: "e2", n: 0, started_at: at + 20_000, runs: 1 }),
      new TestPart(worker, scene.grant, { epoch: "e3", n: 0, started_at: at + 30_000, runs: 1 }),
      new TestPart(worker, scene.grant, { epoch: "e4", n: 0, started_at: at + 40_000, runs: 1 }),
    ];
    const ends = ["tracks", "crashed", "spool_full", "finished", "finished"];
    for (const index of [3, 0, 4, 2, 1]) await made[index]!.handIn({ end: ends[index] });
    await endBroadcast(scene, worker);
    await finish(worker);
    const [{ vod }] = made as [TestPart];
    await becomes(vod, "ready");
    expect(await vodOf(vod)).toMatchObject({
      started_at: at,
      ended_at: at + 44_000,
      duration_ms: 24_000,
      size: made.reduce((sum, part) => sum + part.size, 0),
      gaps: [
        { at: 12, duration: 7.7, cause: "worker_away" },
        { at: 16, duration: 6, cause: "spool_full" },
        { at: 20, duration: 6, cause: "publisher_away" },
      ],
    });
  });

  test("a part that comes in late takes it back, and is ready again", async () => {
    const first = new TestPart(worker, scene.grant, { runs: 1 });
    await first.handIn();
    await endBroadcast(scene, worker);
    await finish(worker);
    await becomes(first.vod, "ready");
    const late = new TestPart(worker, scene.grant, { n: 1, runs: 1, started_at: Date.now() + 4_000 });
    await late.open();
    expect((await vodOf(first.vod))?.status).toBe("processing");
    await late.upload();
    await late.complete();
    await becomes(first.vod, "ready");
    expect(await vodOf(first.vod)).toMatchObject({ duration_ms: 8_000, settled: 2 });
    expect(await eventsOf(first.vod)).toEqual(["started", "ready", "ready:2"]);
    expect((await thumbnailsOf(scene.grant.session)).map((job) => job.id)).toEqual([
      `thumbnail:${first.vod}:1`,
      `thumbnail:${first.vod}:2`,
    ]);
  });

  test("of a stream that was deleted while it was recorded", async () => {
    const part = new TestPart(worker, scene.grant, { runs: 1 });
    await part.open();
    await call("DELETE", `/api/streams/${scene.stream.id}`, { token: owner.token });
    await becomes(part.vod, "processing");
    await part.upload();
    await part.complete();
    await finish(worker);
    await becomes(part.vod, "ready");
    const [event] = await db
      .select()
      .from(outbox)
      .where(eq(outbox.id, `vod:${part.vod}:ready`));
    expect(event?.payload).toMatchObject({ stream_id: scene.stream.id, duration: 4, truncated: false });
    expect(await liveEvents(scene.stream.id)).toEqual(["live", "offline"]);
  });

  test("a VOD that was deleted does not come back with a late part", async () => {
    const part = new TestPart(worker, scene.grant, { runs: 1 });
    await part.handIn();
    await endBroadcast(scene, worker);
    await finish(worker);
    await becomes(part.vod, "ready");
    const { id } = (await vodOf(part.vod))!;
    expect((await call("DELETE", `/api/library/${id}`, { token: owner.token })).status).toBe(200);
    const late = new TestPart(worker, scene.grant, { n: 1, runs: 1 });
    expect((await late.open()).body).toEqual({ keep: false, reason: "deleted" });
    expect(await db.select().from(vods).where(eq(vods.session, scene.grant.session))).toEqual([]);
  });
});

describe("what the worker does not have any more", () => {
  test("is cut off behind the last run that was uploaded whole", async () => {
    logged("warn");
    const part = new TestPart(worker, scene.grant, { runs: 9 });
    await part.open();
    // Slices 1 and 2, and 4 behind a hole: 16 MiB from the start, of which runs fill 1 MiB + 1500 + 4 × 3 MiB.
    await part.upload([1, 2, 4]);
    await part.progress();
    await endBroadcast(scene, worker);
    await finish(worker);
    await becomes(part.vod, "truncated");
    expect(await partRow(part.id)).toMatchObject({
      state: "truncated",
      size: 16 * MIB,
      duration_ms: 16_000,
      runs: part.runs.slice(0, 4),
      end: null,
    });
    expect(Object.values(await objectsOf(part.vod))).toEqual([16 * MIB]);
    expect(await vodOf(part.vod)).toMatchObject({ duration_ms: 16_000, size: 16 * MIB, error: expect.any(String) });
    const [event] = await db
      .select()
      .from(outbox)
      .where(eq(outbox.id, `vod:${part.vod}:ready`));
    expect(event?.payload).toMatchObject({ truncated: true, duration: 16 });
    await isLive(scene.stream.id, 0);
    // Its worker, with all of it after all: too late.
    expect((await part.complete()).body).toEqual({ keep: true, state: "truncated" });
    expect((await part.say("sign", { part_id: part.id, from: 3, count: 1 })).body.keep).toBe(false);
  });

  test("is named as lost before the next part", async () => {
    logged("warn");
    const at = Date.now() - 60_000;
    const lost = new TestPart(worker, scene.grant, { epoch: "e1", started_at: at, runs: 6 });
    await lost.open();
    await lost.upload([1]);
    await lost.progress();
    await new TestPart(worker, scene.grant, { epoch: "e2", started_at: at + 24_000, runs: 1 }).handIn();
    await endBroadcast(scene, worker);
    await finish(worker);
    await becomes(lost.vod, "truncated");
    expect((await vodOf(lost.vod))?.gaps).toEqual([{ at: 8, duration: 16, cause: "upload_lost" }]);
  });

  test("and of which nothing can play fails, and its upload goes", async () => {
    logged("warn");
    const part = new TestPart(worker, scene.grant);
    await part.open();
    await part.progress({ slices: [] });
    await endBroadcast(scene, worker);
    await finish(worker);
    await becomes(part.vod, "failed");
    expect(await vodOf(part.vod)).toMatchObject({ duration_ms: 0, size: 0, error: expect.stringContaining("Nothing") });
    expect(await eventsOf(part.vod)).toEqual(["started", "failed"]);
    await removeDoomed(system());
    expect(await uploadsOf(part.vod)).toEqual([]);
    expect(await objectsOf(part.vod)).toEqual({});
  });

  test("of which nothing was ever said is no loss", async () => {
    logged("warn");
    const part = new TestPart(worker, scene.grant, { runs: 1 });
    await part.handIn();
    const empty = new TestPart(worker, scene.grant, { n: 1 });
    await empty.open();
    await endBroadcast(scene, worker);
    await finish(worker);
    await becomes(part.vod, "ready");
  });

  test("while S3 is away is tried until it is back", async () => {
    logged("warn");
    logged("error");
    const part = new TestPart(worker, scene.grant, { runs: 3 });
    await part.open();
    await part.upload([1]);
    await part.progress();
    await bucket.fault({ operation: "CompleteMultipartUpload", times: 1, effect: { status: 503, code: "SlowDown" } });
    await expect(truncatePart(system(), part.id)).rejects.toMatchObject({ status: 503, code: "SlowDown" });
    expect((await partRow(part.id))?.state).toBe("uploading");
    // It works, and its answer is lost.
    await bucket.fault({ operation: "CompleteMultipartUpload", times: 1, effect: { cut: "answer" } });
    await expect(truncatePart(system(), part.id)).rejects.toMatchObject({ status: 0 });
    await truncatePart(system(), part.id);
    expect(await partRow(part.id)).toMatchObject({ state: "truncated", size: 8 * MIB, duration_ms: 8_000 });
  });

  test("when its worker had completed it and nobody heard, is whole", async () => {
    logged("warn");
    const part = new TestPart(worker, scene.grant, { runs: 3 });
    await part.open();
    await part.upload();
    await part.progress();
    await bucket.fault({ operation: "CompleteMultipartUpload", times: 1, effect: { cut: "answer" } });
    expect((await part.complete()).status).toBe(503);
    await truncatePart(system(), part.id);
    expect(await partRow(part.id)).toMatchObject({ size: part.size, duration_ms: 12_000, runs: part.runs });
  });
});

describe("a worker that does not come back", () => {
  let part: TestPart;
  beforeEach(async () => {
    logged("warn");
    part = new TestPart(worker, scene.grant, { runs: 6 });
    await part.open();
    await part.upload([1]);
    await part.progress();
  });

  test("within an hour: the recording is what it had uploaded", async () => {
    await endBroadcast(scene, worker);
    await becomes(part.vod, "processing");
    worker.link.close();
    await silence(worker);
    await sweepRecordings(later(ABANDONED_MS - 60_000));
    expect((await vodOf(part.vod))?.status).toBe("processing");
    expect(await sweepRecordings(later(ABANDONED_MS + 60_000))).toBeGreaterThan(0);
    expect(await vodOf(part.vod)).toMatchObject({ status: "truncated", duration_ms: 8_000 });
    await eventually(async () => expect(await liveState()).toBe("offline"));
    await sweepRecordings(later(ABANDONED_MS + 60_000));
    expect((await vodOf(part.vod))?.settled).toBe(1);
  });

  test("keeps nobody waiting when all it opened is handed in", async () => {
    await part.upload([2, 3]);
    expect((await part.complete()).body.state).toBe("done");
    worker.link.close();
    await silence(worker);
    await liveObject(scene.stream.id).lost(scene.grant.lease);
    await passGrace(scene.stream.id);
    await becomes(part.vod, "ready");
  });

  test("and a stream that nobody said had ended: the sweep ends it", async () => {
    await db.update(jobs).set({ state: "failed" }).where(eq(jobs.id, scene.grant.job_id));
    worker.link.close();
    await silence(worker);
    await sweepRecordings(later(9 * 60_000));
    expect((await vodOf(part.vod))?.status).toBe("recording");
    expect(await sweepRecordings(later(11 * 60_000))).toBeGreaterThan(0);
    expect(await vodOf(part.vod)).toMatchObject({ status: "processing", session_ended: 1 });
    await sweepRecordings(later(ABANDONED_MS + 60_000));
    expect((await vodOf(part.vod))?.status).toBe("truncated");
  });

  test("is waited for while it is there and the session goes on", async () => {
    worker.heartbeat();
    await sweepRecordings(later(2 * ABANDONED_MS));
    expect((await partRow(part.id))?.state).toBe("uploading");
  });

  test("is waited for while it hands in the rest, for as long as S3 is away", async () => {
    worker.heartbeat();
    await endBroadcast(scene, worker);
    const { task } = await worker.link.next("assign", (frame) => frame.order.kind === "finish");
    worker.task(task, { event: "running" });
    await sweepRecordings(later(3 * ABANDONED_MS));
    expect((await partRow(part.id))?.state).toBe("uploading");
    await part.upload([2, 3]);
    expect((await part.complete()).body.state).toBe("done");
  });

  test("is heard of each time that it opens its part again", async () => {
    const long = Date.now() - 2 * ABANDONED_MS;
    await db.update(vod_parts).set({ updated_at: long, upload_id: null }).where(eq(vod_parts.id, part.id));
    await bucket.fault({ operation: "CreateMultipartUpload", times: 1, effect: { status: 403, code: "AccessDenied" } });
    expect((await part.open()).status).toBe(503);
    expect((await partRow(part.id))?.updated_at).toBeGreaterThan(long);
  });

  test("gets its turn, however many parts are waited for", async () => {
    const away = await recordingWorker();
    const another = new TestPart(away, (await onAir(owner, away)).grant);
    await another.open();
    away.link.close();
    await silence(away);
    await db.update(vod_parts).set({ updated_at: 2 }).where(eq(vod_parts.id, another.id));
    await copies(part.id, 30, { updated_at: 1 });
    worker.heartbeat();
    await vi.waitFor(async () => {
      await sweepRecordings(system());
      expect((await partRow(another.id))?.state).toBe("failed");
    }, WAIT);
  });

  test("and said so of more parts than fit a query: each is given up, whatever becomes of the others", async () => {
    logged("error");
    await endBroadcast(scene, worker);
    await eventually(async () => expect((await jobsOf(scene.grant.session)).length).toBe(2));
    await copies(part.id, 150, { upload_id: null });
    const key = (await partRow(part.id))?.object_key ?? "";
    const refusal = { operation: "CompleteMultipartUpload", key, times: 1 } as const;
    await bucket.fault({ ...refusal, effect: { status: 403, code: "AccessDenied" } });
    const over = { state: "done", worker_id: worker.id, ended_at: Date.now() } as const;
    await db.update(jobs).set(over).where(eq(jobs.kind, "finish"));
    await sweepRecordings(later(61_000));
    const ofThis = await db
      .select({ state: vod_parts.state })
      .from(vod_parts)
      .where(eq(vod_parts.worker_id, worker.id));
    expect(ofThis.filter(({ state }) => state === "uploading")).toHaveLength(1);
    await sweepRecordings(later(130_000));
    expect(await vodOf(part.vod)).toMatchObject({ status: "truncated", duration_ms: 8_000 });
  });

  test("but said that it had nothing more, of which nobody heard: the sweep goes by the task", async () => {
    await endBroadcast(scene, worker);
    await eventually(async () => expect((await jobsOf(scene.grant.session)).length).toBe(2));
    const over = { state: "done", worker_id: worker.id, ended_at: Date.now() } as const;
    await db.update(jobs).set(over).where(eq(jobs.kind, "finish"));
    expect(await sweepRecordings(later(61_000))).toBeGreaterThan(0);
    expect((await vodOf(part.vod))?.status).toBe("truncated");
  });
});

test("a recording that is refused is told to the streamer, and once to the world", async () => {
  const refused = { event: "recording_refused", cause: "spool_full", message: "The spool is full" } as const;
  worker.event(scene.grant, 1, refused);
  worker.event(scene.grant, 2, refused);
  const shown = async (token: string) =>
    (await call("GET", `/api/streams/${scene.stream.id}`, { token })).body.stream.warnings;
  await eventually(async () => expect(await shown(owner.token)).toEqual([refused.message]));
  expect(await shown((await newUser()).token)).toBeUndefined();
  worker.event(scene.grant, 3, READY);
  await eventually(async () =>
    expect(await liveEvents(scene.stream.id)).toEqual(["live", "recording_refused:spool_full"]),
  );
  expect(await liveState()).toBe("live");
  expect(await db.select().from(vod_parts).where(eq(vod_parts.worker_id, worker.id))).toEqual([]);
  worker.event(scene.grant, 4, { event: "recording_resumed", message: refused.message });
  await eventually(async () => expect(await shown(owner.token)).toEqual([]));
});
