/** Queued jobs in tests: made, looked at, and done by media workers that are there, or fall silent. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { eq } from "drizzle-orm";
import { expect } from "vitest";
import type { TaskEvent } from "../../schema/contract/media.ts";
import type { TaskRef } from "../../schema/contract/tasks.ts";
import { jobs } from "../../schema/tables/media.ts";
import { commit } from "../../workers/core/commit.ts";
import { type NewTask, queueTask } from "../../workers/media/queue-task.ts";
import { eventually } from "../harness/eventually.ts";
import { bindings, db, system } from "./client.ts";
import { TestMediaWorker } from "./media-worker.ts";

export const DONE: TaskEvent = { event: "done" };
export const RUNNING: TaskEvent = { event: "running" };
export const FAILED: TaskEvent = { event: "failed", blame: "internal", message: "no room on the disk" };

export const job = (id: string) => db.select().from(jobs).where(eq(jobs.id, id)).get();
export const node = (worker: TestMediaWorker) => bindings.MEDIA_NODE.getByName(worker.id);
export const inState = (id: string, state: string) =>
  eventually(async () => expect((await job(id))?.state).toBe(state));
export const alarm = (worker: TestMediaWorker) => runDurableObjectAlarm(node(worker));

export async function taskWorker(maxTasks = 2): Promise<TestMediaWorker> {
  const worker = await TestMediaWorker.enrol();
  worker.roles = ["ingest", "play", "record", "transcode"];
  worker.maxTasks = maxTasks;
  return worker;
}

let sessions = 0;
export const finishOf = (worker: TestMediaWorker): NewTask => {
  const session = `s${++sessions}`;
  return {
    id: `finish:1:${session}:e1:${worker.id}`,
    kind: "finish",
    spec: { stream_id: 1, session },
    affinity: worker.id,
  };
};

export async function queue(task: NewTask): Promise<string> {
  await commit(system(), [queueTask(system(), task)], []);
  return task.id;
}

/** As if so much time had passed since the worker was heard. */
export async function silence(worker: TestMediaWorker, ms = 15_000): Promise<void> {
  await runInDurableObject(node(worker), (_, state) => {
    const [row] = state.storage.sql.exec<{ value: string }>("SELECT value FROM link").toArray();
    const link = JSON.parse(row?.value ?? "{}");
    link.heard_at -= ms;
    state.storage.sql.exec("UPDATE link SET value = ?", JSON.stringify(link));
  });
}

export const settled = (worker: TestMediaWorker, ref: TaskRef) =>
  worker.link.next("task_settled", (frame) => frame.task.lease === ref.lease);
