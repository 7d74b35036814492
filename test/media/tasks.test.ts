/** A real media worker does the tasks that it is handed over its link, through cuts and stops. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { TaskEvent } from "#contract/media";
import type { TaskOrder, TaskRef } from "#contract/tasks";
import { ControlPlane } from "../harness/control-plane.ts";
import { type MediaWorker, startMediaWorker } from "../harness/media-worker.ts";

const FINISH: TaskOrder = { kind: "finish", stream_id: 7, session: "s1" };
const ref = (job_id: string): TaskRef => ({ job_id, attempt: 1, lease: `lease-of-${job_id}` });

async function linked(): Promise<{ control: ControlPlane; worker: MediaWorker }> {
  const control = new ControlPlane();
  await control.start();
  onTestFinished(() => control.stop());
  const worker = startMediaWorker({ controlUrl: control.url });
  await worker.event("linked");
  return { control, worker };
}

async function said(control: ControlPlane, count: number): Promise<TaskEvent["event"]> {
  return (await control.nth(control.taskEvents, count, "task event")).body.event;
}

/** Something of the session waits to be handed in. */
function spooled(worker: MediaWorker): string {
  const folder = path.join(worker.data, "spool/recordings/7-s1-e1-0");
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "00001.slice"), "x");
  return folder;
}

test("finishing a recording waits for the spool, and its end is said until it is settled", async () => {
  const { control, worker } = await linked();
  expect(control.hellos[0]?.capacity).toMatchObject({ tasks: 0, max_tasks: 2 });
  const folder = spooled(worker);
  control.send({ type: "assign", task: ref("a"), order: FINISH });
  expect(await said(control, 1)).toBe("running");
  rmSync(folder, { recursive: true });
  expect(await said(control, 2)).toBe("done");

  await control.stop();
  await control.start();
  const hello = await control.nth(control.hellos, 2, "hello");
  expect(hello.tasks).toEqual([ref("a")]);
  expect(await said(control, 3)).toBe("done");
  control.send({ type: "task_settled", task: ref("a") });
  await control.stop();
  await control.start();
  expect((await control.nth(control.hellos, 3, "hello")).tasks).toEqual([]);
});

test("a task goes on while the link is cut, and is forgotten when it is settled unfinished", async () => {
  const { control, worker } = await linked();
  spooled(worker);
  control.send({ type: "assign", task: ref("a"), order: FINISH });
  await said(control, 1);
  await control.stop();
  await control.start();
  expect((await control.nth(control.hellos, 2, "hello")).tasks).toEqual([ref("a")]);
  expect(await said(control, 2)).toBe("running");
  control.send({ type: "task_settled", task: ref("a") });
  control.send({ type: "assign", task: ref("b"), order: { ...FINISH, session: "another" } });
  expect(await said(control, 4)).toBe("done");
  expect(control.taskEvents.slice(2).map(({ task }) => task.job_id)).toEqual(["b", "b"]);
});
