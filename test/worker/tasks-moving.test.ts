/** Tasks that any media worker may do: who gets them, how often they are tried, and what becomes of their end. */
import { runInDurableObject } from "cloudflare:test";
import { eq } from "drizzle-orm";
import { beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { jobs } from "../../schema/tables/media.ts";
import { vods } from "../../schema/tables/vods.ts";
import { dispatchTasks } from "../../workers/media/dispatch-tasks.ts";
import type { NewTask } from "../../workers/media/queue-task.ts";
import { sweepJobs } from "../../workers/media/sweep.ts";
import { thumbnailKey } from "../../workers/vods/object-keys.ts";
import { eventually } from "../harness/eventually.ts";
import { db, logged, newUser, system } from "./client.ts";
import type { TestMediaWorker } from "./media-worker.ts";
import { mediaBytes, newVod, putObject } from "./recordings.ts";
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

let owner: Awaited<ReturnType<typeof newUser>>;
beforeAll(async () => {
  owner = await newUser();
});

let here: TestMediaWorker;
let there: TestMediaWorker;
beforeEach(async () => {
  // Those of other tests are away.
  await Promise.all([here, there].map((worker) => worker?.link.close()));
  await db.delete(jobs);
  [here, there] = [await taskWorker(), await taskWorker()];
  await Promise.all([here.connect(), there.connect()]);
});

async function thumbnail(affinity: string | null = null): Promise<NewTask & { vod_id: number; public_id: string }> {
  const { id, public_id, session } = await newVod({ user: owner });
  const spec = { vod_id: id, stream_id: 1, session };
  return { id: `thumbnail:${public_id}:1`, kind: "thumbnail", spec, affinity, vod_id: id, public_id };
}

/** What the worker's object has put off is due. */
const dueNow = (worker: TestMediaWorker) =>
  runInDurableObject(node(worker), (_, state) => void state.storage.sql.exec("UPDATE OR IGNORE task_wakes SET at = 1"));

const retryNow = (id: string) => db.update(jobs).set({ not_before: null }).where(eq(jobs.id, id));

describe("a task that any worker may do", () => {
  test("goes to the worker it prefers, and to the least loaded otherwise", async () => {
    const [first, second, third] = [await thumbnail(there.id), await thumbnail(), await thumbnail()];
    await queue(first);
    await dispatchTasks(system());
    expect((await there.assigned()).task.job_id).toBe(first.id);
    await queue(second);
    await dispatchTasks(system());
    expect((await here.assigned()).task.job_id).toBe(second.id);
    expect(await node(here).room()).toMatchObject({ tasks: 1 });
    await queue({ ...third, affinity: here.id });
    await dispatchTasks(system());
    const { task, order } = await here.assigned();
    expect(task.job_id).toBe(third.id);
    expect(order).toMatchObject({ kind: "thumbnail", sources: [{ init_bytes: 100 }] });
  });

  test("has one winner when two workers claim it twenty times", async () => {
    const task = await thumbnail();
    await queue(task);
    const claims = await Promise.all(
      Array.from({ length: 20 }, (_, i) => node(i % 2 === 0 ? here : there).claim(task.id)),
    );
    expect(claims.filter(Boolean)).toHaveLength(1);
    const winner = claims.findIndex(Boolean) % 2 === 0 ? here : there;
    const { task: ref } = await winner.assigned();
    expect(await job(task.id)).toMatchObject({ state: "claimed", attempt: 1, worker_id: winner.id });
    winner.task(ref, DONE);
    await settled(winner, ref);
    expect(await node(here).room()).toMatchObject({ tasks: 2 });
    expect(await node(there).room()).toMatchObject({ tasks: 2 });
  });

  test("waits while nobody has room, and what costs nothing does not", async () => {
    for (let i = 0; i < 5; i++) await queue(await thumbnail());
    expect(await dispatchTasks(system())).toBe(4);
    const finish = finishOf(here);
    await queue(finish);
    expect(await dispatchTasks(system(), here.id)).toBe(1);
    await here.link.next("assign", (frame) => frame.task.job_id === finish.id);
    const { task: ref } = await there.assigned();
    there.task(ref, DONE);
    await settled(there, ref);
    // Its end made room.
    await there.assigned();
    expect(await there.assigned()).toMatchObject({ task: { attempt: 1 } });
  });

  test("is not for a worker that drains, which still finishes what it recorded", async () => {
    there.link.close();
    here.maxTasks = 0;
    here.heartbeat();
    await eventually(async () => expect(await node(here).room()).toMatchObject({ tasks: 0, pinned: 64 }));
    const [task, finish] = [await thumbnail(here.id), finishOf(here)];
    await queue(task);
    await queue(finish);
    expect(await dispatchTasks(system())).toBe(1);
    expect((await here.assigned()).task.job_id).toBe(finish.id);
    here.maxTasks = 1;
    here.heartbeat();
    // A heartbeat with more room looks for work by itself.
    expect((await here.assigned()).task.job_id).toBe(task.id);
  });

  test("moves to another when its worker falls silent; what is in a spool does not", async () => {
    const [moving, staying] = [await thumbnail(here.id), finishOf(here)];
    await queue(moving);
    await queue(staying);
    await dispatchTasks(system(), here.id);
    const ref = (await here.link.next("assign", (frame) => frame.task.job_id === moving.id)).task;
    here.task(ref, RUNNING);
    await inState(moving.id, "running");
    await silence(here);
    await alarm(here);
    const { task: again } = await there.assigned();
    expect(again).toMatchObject({ job_id: moving.id, attempt: 2 });
    expect(await job(staying.id)).toMatchObject({ state: "queued", affinity: here.id });
    // Its first worker comes back with it too late.
    await here.connect([], [ref]);
    await settled(here, ref);
    there.task(again, DONE);
    await settled(there, again);
    expect(await job(moving.id)).toMatchObject({ state: "done", attempt: 2, worker_id: there.id });
  });

  test("is tried three times", async () => {
    const task = await thumbnail(here.id);
    await queue(task);
    for (const attempt of [1, 2, 3]) {
      await dispatchTasks(system(), here.id);
      const { task: ref } = await here.assigned();
      expect(ref.attempt).toBe(attempt);
      here.task(ref, FAILED);
      await settled(here, ref);
      await retryNow(task.id);
    }
    expect(await job(task.id)).toMatchObject({ state: "failed", attempt: 3, last_error: "no room on the disk" });
    expect(await dispatchTasks(system())).toBe(0);
  });

  test("is not tried again when the input is to blame", async () => {
    const task = await thumbnail(here.id);
    await queue(task);
    await dispatchTasks(system(), here.id);
    const { task: ref } = await here.assigned();
    here.task(ref, { event: "failed", blame: "input", message: "no picture can be decoded" });
    await settled(here, ref);
    expect(await job(task.id)).toMatchObject({ state: "failed", attempt: 1, blame: "input" });
  });

  test("is cancelled when there is nothing to do any more", async () => {
    const task = await thumbnail();
    await db.delete(vods).where(eq(vods.id, task.vod_id));
    await queue(task);
    expect(await dispatchTasks(system())).toBe(0);
    expect(await job(task.id)).toMatchObject({ state: "cancelled" });
    expect(await node(here).room()).toMatchObject({ tasks: 2 });
  });

  test("is taken by the minute's sweep when every poke was lost", async () => {
    const task = await thumbnail();
    await queue(task);
    expect(await sweepJobs(system())).toBe(1);
    await inState(task.id, "claimed");
  });
});

test("an end is told until it is taken in, and no worker waits for that", async () => {
  const errors = logged("error");
  const task = await thumbnail(here.id);
  await queue(task);
  await dispatchTasks(system(), here.id);
  const { task: ref } = await here.assigned();
  await putObject(thumbnailKey(task.public_id), mediaBytes(100), "image/jpeg");
  await db.run("ALTER TABLE vods RENAME TO vods_away");
  here.task(ref, DONE);
  await settled(here, ref);
  await eventually(() => expect(errors.join()).toContain("told again"));
  expect(await node(here).room()).toMatchObject({ tasks: 2 });
  await db.run("ALTER TABLE vods_away RENAME TO vods");
  expect(await job(task.id)).toMatchObject({ state: "done" });
  const shown = () => db.select({ yes: vods.has_thumbnail }).from(vods).where(eq(vods.id, task.vod_id)).get();
  expect(await shown()).toEqual({ yes: 0 });
  await dueNow(here);
  await alarm(here);
  await vi.waitFor(async () => expect(await shown()).toEqual({ yes: 1 }), { timeout: 20_000 });
}, 30_000);
