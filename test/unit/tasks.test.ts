/** What a media worker does with the tasks it is handed. */
import pino from "pino";
import { beforeEach, describe, expect, test } from "vitest";
import type { TaskEvent, UpFrame } from "#contract/media";
import type { TaskOrder, TaskRef } from "#contract/tasks";
import { TaskFailure } from "../../media-worker/tasks/task-failure.ts";
import { TaskRunner } from "../../media-worker/tasks/task-runner.ts";
import { retryDelay } from "../../workers/media/task-policy.ts";
import { eventually } from "../harness/eventually.ts";

type Running = { order: TaskOrder; signal: AbortSignal; done(): void; fail(why: unknown): void };

const FINISH: TaskOrder = { kind: "finish", stream_id: 1, session: "s1" };
const PICTURES: TaskOrder = {
  kind: "thumbnail",
  sources: [{ url: "http://s3.test/part", init_bytes: 1 }],
  poster: { source: 0, offset: 0, size: 1, at: 0 },
  frames: [],
  storyboard: { columns: 1, rows: 1, tile_width: 160, tile_height: 90 },
  put_poster: "http://s3.test/poster",
  put_storyboard: "http://s3.test/storyboard",
};

const ref = (job_id: string, attempt = 1): TaskRef => ({ job_id, attempt, lease: `${job_id}-${attempt}` });

let runner: TaskRunner;
let running: Running[];
let said: [job: string, attempt: number, event: TaskEvent["event"]][];
let failures: TaskEvent[];
let up: boolean;

beforeEach(() => {
  running = [];
  said = [];
  failures = [];
  up = true;
  const execute = (order: TaskOrder, signal: AbortSignal) =>
    new Promise<void>((done, fail) => {
      running.push({ order, signal, done, fail });
      signal.addEventListener("abort", () => fail(signal.reason));
    });
  runner = new TaskRunner({
    executors: { finish: execute, thumbnail: execute },
    max: 2,
    send: (frame: UpFrame) => {
      if (!up || frame.type !== "task_event") return false;
      said.push([frame.task.job_id, frame.task.attempt, frame.body.event]);
      if (frame.body.event === "failed") failures.push(frame.body);
      return true;
    },
    log: pino({ level: "silent" }),
  });
});

const heard = (...events: typeof said) => eventually(() => expect(said).toEqual(events));

describe("a task", () => {
  test("is said to run, and to be done, and is named in hello until it is settled", async () => {
    runner.assign(ref("a"), PICTURES);
    await heard(["a", 1, "running"]);
    expect([runner.busy, runner.refs()]).toEqual([1, [ref("a")]]);
    running[0]?.done();
    await heard(["a", 1, "running"], ["a", 1, "done"]);
    expect([runner.busy, runner.refs()]).toEqual([0, [ref("a")]]);
    runner.settled(ref("a"));
    expect(runner.refs()).toEqual([]);
  });

  test("that fails says whose fault it is", async () => {
    runner.assign(ref("a"), PICTURES);
    runner.assign(ref("b"), PICTURES);
    running[0]?.fail(new TaskFailure("upstream", "the storage answered 404"));
    running[1]?.fail(new Error("x".repeat(1_000)));
    await eventually(() => expect(failures).toHaveLength(2));
    expect(failures).toEqual([
      { event: "failed", blame: "upstream", message: "the storage answered 404" },
      { event: "failed", blame: "internal", message: "x".repeat(300) },
    ]);
  });

  test("is repeated after each welcome, until it is settled", async () => {
    runner.assign(ref("a"), PICTURES);
    up = false;
    running[0]?.done();
    await eventually(() => expect(runner.busy).toBe(0));
    up = true;
    said.length = 0;
    runner.welcomed();
    runner.welcomed();
    expect(said).toEqual([
      ["a", 1, "done"],
      ["a", 1, "done"],
    ]);
    runner.settled(ref("a"));
    runner.welcomed();
    expect(said).toHaveLength(2);
  });

  test("handed out again is done once; a newer attempt ends the older", async () => {
    runner.assign(ref("a"), PICTURES);
    runner.assign(ref("a"), PICTURES);
    expect(running).toHaveLength(1);
    runner.assign(ref("a", 2), PICTURES);
    expect(running[0]?.signal.aborted).toBe(true);
    expect(runner.refs()).toEqual([ref("a", 2)]);
    running[1]?.done();
    await heard(["a", 1, "running"], ["a", 1, "running"], ["a", 2, "running"], ["a", 2, "done"]);
  });

  test("that is settled while it runs is stopped, and says nothing more", async () => {
    runner.assign(ref("a"), PICTURES);
    runner.settled(ref("a"));
    expect(running[0]?.signal.aborted).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(said).toEqual([["a", 1, "running"]]);
    expect(runner.refs()).toEqual([]);
  });
});

test("two at once of what costs something; what only waits keeps nobody waiting", async () => {
  for (const id of ["f1", "f2", "f3"]) runner.assign(ref(id), FINISH);
  for (const id of ["a", "b", "c"]) runner.assign(ref(id), PICTURES);
  expect(running.map(({ order }) => order.kind)).toEqual(["finish", "finish", "finish", "thumbnail", "thumbnail"]);
  expect(runner.busy).toBe(3);
  running[3]?.done();
  await eventually(() => expect(running).toHaveLength(6));
  runner.settled(ref("b"));
  expect(runner.busy).toBe(1);
});

test("draining goes on with what there is", async () => {
  runner.assign(ref("a"), PICTURES);
  runner.drain();
  expect([runner.max, runner.busy]).toEqual([0, 1]);
  runner.assign(ref("f"), FINISH);
  for (const { done } of running) done();
  await heard(["a", 1, "running"], ["f", 1, "running"], ["a", 1, "done"], ["f", 1, "done"]);
});

test("stopping ends all of them and takes none", () => {
  runner.assign(ref("a"), PICTURES);
  runner.assign(ref("f"), FINISH);
  runner.stop();
  expect(running.every(({ signal }) => signal.aborted)).toBe(true);
  runner.assign(ref("b"), PICTURES);
  expect([runner.refs(), runner.max, running.length]).toEqual([[], 0, 2]);
});

test("waits between attempts double, with jitter, up to a limit", () => {
  const waits = [1, 2, 3, 20].map((attempt) => retryDelay("finish", attempt, () => 0.999999));
  expect(waits.map(Math.round)).toEqual([2_000, 4_000, 8_000, 60_000]);
  expect(retryDelay("thumbnail", 1, () => 0)).toBe(2_500);
});
