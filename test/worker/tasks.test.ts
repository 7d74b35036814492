/** Queued jobs: claimed once, carried on, lost and found again, retried, and ended. */
import { runInDurableObject } from "cloudflare:test";
import { eq } from "drizzle-orm";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { TaskRef } from "../../schema/contract/tasks.ts";
import { jobs } from "../../schema/tables/media.ts";
import { commit } from "../../workers/core/commit.ts";
import { dispatchTasks } from "../../workers/media/dispatch-tasks.ts";
import { queueTask } from "../../workers/media/queue-task.ts";
import { sweepJobs } from "../../workers/media/sweep.ts";
import { eventually } from "../harness/eventually.ts";
import { db, system } from "./client.ts";
import type { TestMediaWorker } from "./media-worker.ts";
import {
  alarm,
  DONE,
  FAILED,
  finishOf,
  inState,
  job,
  node,
  queue,
  RUNNING,
  settled,
  silence,
  taskWorker,
} from "./task-worker.ts";

/** Many queries, on a machine that may have other things to do. */
const SLOW_MS = 60_000;

beforeEach(async () => {
  await db.delete(jobs);
});

describe("a queued task", () => {
  let worker: TestMediaWorker;
  beforeEach(async () => {
    worker = await taskWorker();
    await worker.connect();
  });

  test("wakes its worker at once, runs, and is done", async () => {
    const task = finishOf(worker);
    const id = await queue(task);
    expect(await dispatchTasks(system())).toBe(1);
    const { task: ref, order } = await worker.assigned();
    expect(ref).toMatchObject({ job_id: id, attempt: 1 });
    expect(order).toEqual({ kind: "finish", ...task.spec });
    expect(await job(id)).toMatchObject({ state: "claimed", worker_id: worker.id, lease_token: ref.lease });
    worker.task(ref, RUNNING);
    await inState(id, "running");
    worker.task(ref, DONE);
    await settled(worker, ref);
    expect(await job(id)).toMatchObject({ state: "done", attempt: 1 });
    expect((await job(id))?.ended_at).toBeGreaterThan(0);
  });

  test("is queued once, however often", async () => {
    const task = finishOf(worker);
    await queue(task);
    await queue({ ...task, spec: { stream_id: 2, session: "other" } });
    expect(await job(task.id)).toMatchObject({ stream_id: 1, state: "queued", attempt: 0 });
  });

  test("has one winner of twenty that claim it", async () => {
    const id = await queue(finishOf(worker));
    const claims = await Promise.all(Array.from({ length: 20 }, () => node(worker).claim(id)));
    expect(claims.filter(Boolean)).toHaveLength(1);
    const { task: ref } = await worker.assigned();
    expect(await job(id)).toMatchObject({ state: "claimed", attempt: 1, lease_token: ref.lease });
    expect(await node(worker).room()).toMatchObject({ tasks: 2, pinned: 63 });
  });

  test(
    "is not claimed beyond the room there is",
    async () => {
      const ids = await Promise.all(Array.from({ length: 70 }, () => queue(finishOf(worker))));
      const claims = await Promise.all(ids.map((id) => node(worker).claim(id)));
      expect(claims.filter(Boolean)).toHaveLength(64);
      expect(await node(worker).room()).toMatchObject({ pinned: 0 });
      const refs: TaskRef[] = [];
      for (let i = 0; i < 64; i++) refs.push((await worker.assigned()).task);
      // Each end makes room for the next.
      for (const ref of refs.slice(0, 6)) worker.task(ref, DONE);
      for (let i = 0; i < 6; i++) refs.push((await worker.assigned()).task);
      expect(new Set(refs.map(({ job_id }) => job_id))).toEqual(new Set(ids));
    },
    SLOW_MS,
  );

  test("is not claimed before its time", async () => {
    const id = await queue({ ...finishOf(worker), not_before: Date.now() + 60_000 });
    expect(await dispatchTasks(system(), worker.id)).toBe(0);
    expect(await node(worker).claim(id)).toBe(false);
    expect(await job(id)).toMatchObject({ state: "queued", attempt: 0 });
  });

  test("of somebody else's spool is left to them", async () => {
    const other = await taskWorker();
    const id = await queue(finishOf(other));
    expect(await node(worker).claim(id)).toBe(false);
    expect(await dispatchTasks(system())).toBe(0);
    await other.connect();
    expect((await other.assigned()).task.job_id).toBe(id);
  });

  test("goes to no worker without the role", async () => {
    const viewer = await taskWorker();
    viewer.roles = ["play"];
    await viewer.connect();
    const id = await queue(finishOf(viewer));
    expect(await dispatchTasks(system(), viewer.id)).toBe(0);
    expect(await job(id)).toMatchObject({ state: "queued" });
  });

  test("waits for a worker that is away, and is there when it comes", async () => {
    worker.link.close();
    const id = await queue(finishOf(worker));
    await eventually(async () => expect(await node(worker).room()).toBeNull());
    expect(await dispatchTasks(system(), worker.id)).toBe(0);
    await worker.connect();
    expect((await worker.assigned()).task.job_id).toBe(id);
  });
});

describe("an attempt", () => {
  let worker: TestMediaWorker;
  let id: string;
  let ref: TaskRef;
  beforeEach(async () => {
    worker = await taskWorker();
    await worker.connect();
    id = await queue(finishOf(worker));
    await dispatchTasks(system(), worker.id);
    ref = (await worker.assigned()).task;
  });

  test("that failed is followed by another, after a while", async () => {
    worker.task(ref, RUNNING);
    worker.task(ref, FAILED);
    await settled(worker, ref);
    const row = await job(id);
    expect(row).toMatchObject({ state: "queued", attempt: 1, blame: "internal", last_error: "no room on the disk" });
    expect(row?.not_before).toBeGreaterThan(Date.now() - 1_000);
    // Its object wakes for it; nobody else needs to ask.
    const { task: again } = await worker.link.next("assign");
    expect(again).toMatchObject({ job_id: id, attempt: 2 });
    expect(again.lease).not.toBe(ref.lease);
  });

  test("told again, or after it is over, changes nothing and is answered", async () => {
    for (let i = 0; i < 3; i++) worker.task(ref, DONE);
    for (let i = 0; i < 3; i++) await settled(worker, ref);
    worker.task(ref, FAILED);
    await settled(worker, ref);
    expect(await job(id)).toMatchObject({ state: "done", attempt: 1, last_error: null });
    const stale = { ...ref, lease: crypto.randomUUID() };
    worker.task(stale, DONE);
    await settled(worker, stale);
    worker.task({ ...ref, job_id: "unknown" }, RUNNING);
    await settled(worker, ref);
  });

  test("goes on over a reconnect that carries it", async () => {
    await worker.connect([], [ref]);
    expect(await job(id)).toMatchObject({ state: "running", attempt: 1, lease_token: ref.lease });
    worker.task(ref, DONE);
    await settled(worker, ref);
    expect(await job(id)).toMatchObject({ state: "done" });
  });

  test("whose end was not acknowledged is forgotten at the next hello", async () => {
    worker.task(ref, DONE);
    await inState(id, "done");
    await worker.connect([], [ref]);
    await settled(worker, ref);
    expect(await job(id)).toMatchObject({ state: "done", attempt: 1 });
  });

  test("that a restarted worker does not carry is queued, and claimed anew", async () => {
    await worker.connect();
    const { task: again } = await worker.assigned();
    expect(again).toMatchObject({ job_id: id, attempt: 2 });
  });

  test("of a silent worker is queued on its node, and no other gets what only it can do", async () => {
    const other = await taskWorker();
    await other.connect();
    worker.task(ref, RUNNING);
    await inState(id, "running");
    await silence(worker);
    await alarm(worker);
    expect(await job(id)).toMatchObject({ state: "queued", affinity: worker.id, last_error: "lost" });
    expect(await dispatchTasks(system())).toBe(0);
    expect(await sweepJobs(system())).toBe(0);
  });

  test("that was given up goes on when its worker is back with it", async () => {
    worker.task(ref, RUNNING);
    await inState(id, "running");
    await silence(worker);
    await alarm(worker);
    expect(await job(id)).toMatchObject({ state: "queued" });
    await worker.connect([], [ref]);
    expect(await job(id)).toMatchObject({ state: "running", attempt: 1, lease_token: ref.lease });
    worker.task(ref, DONE);
    await settled(worker, ref);
    expect(await job(id)).toMatchObject({ state: "done", attempt: 1 });
  });

  test("is noticed by the sweep when the object's alarm was lost, and the worker may still come back with it", async () => {
    await silence(worker);
    await db.update(jobs).set({ updated_at: 1 }).where(eq(jobs.id, id));
    expect(await sweepJobs(system())).toBe(1);
    expect(await job(id)).toMatchObject({ state: "queued" });
    await worker.connect([], [ref]);
    expect(await job(id)).toMatchObject({ state: "running", attempt: 1 });
  });
});

test("what nobody came for is not wanted for ever", async () => {
  const id = await queue(finishOf(await taskWorker()));
  await sweepJobs(system());
  expect(await job(id)).toMatchObject({ state: "queued" });
  await db
    .update(jobs)
    .set({ updated_at: Date.now() - 3 * 3_600_000 })
    .where(eq(jobs.id, id));
  expect(await sweepJobs(system())).toBe(1);
  expect(await job(id)).toMatchObject({ state: "cancelled" });
});

test(
  "a thousand queued tasks keep no heartbeat waiting, and are done in turn",
  async () => {
    const worker = await taskWorker(2);
    await worker.connect();
    const tasks = Array.from({ length: 1_000 }, () => finishOf(worker));
    for (let i = 0; i < tasks.length; i += 100) {
      await commit(
        system(),
        tasks.slice(i, i + 100).map((task) => queueTask(system(), task)),
        [],
      );
    }
    await dispatchTasks(system(), worker.id);
    for (let i = 0; i < 20; i++) worker.heartbeat();
    await silence(worker, 10_000);
    worker.heartbeat();
    await eventually(() =>
      runInDurableObject(node(worker), (_, state) => {
        const { value } = state.storage.sql.exec<{ value: string }>("SELECT value FROM link").one();
        expect(JSON.parse(value).heard_at).toBeGreaterThan(Date.now() - 5_000);
      }),
    );
    for (let done = 0; done < 30; done++) worker.task((await worker.assigned()).task, DONE);
    await vi.waitFor(
      async () => {
        const rows = await db.select({ state: jobs.state }).from(jobs).where(eq(jobs.affinity, worker.id));
        expect(rows.filter((row) => row.state === "done").length).toBeGreaterThanOrEqual(30);
        expect(rows.filter((row) => row.state === "claimed").length).toBeLessThanOrEqual(64);
      },
      { timeout: SLOW_MS },
    );
  },
  SLOW_MS,
);
