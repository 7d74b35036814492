/**
 * The queued jobs of one media worker, as its object sees them: claims what there is room for, hands it out, takes in
 * how it ended, reconciles after a reconnect, gives up what went silent. The row in the `jobs` table is the truth; every
 * step may be repeated.
 */
import type { DownFrame, Role, TaskEvent } from "#contract/media";
import type { TaskOrder, TaskRef } from "#contract/tasks";
import { newLease } from "#kit/publish-ids";
import type { Ctx } from "../workers/core/context.ts";
import { logFailure } from "../workers/core/log.ts";
import { dispatchTasks } from "../workers/media/dispatch-tasks.ts";
import { floatingTasks, kindsFor, pinnedTasks } from "../workers/media/due-tasks.ts";
import { moveJob } from "../workers/media/jobs.ts";
import { PINNED_MAX, TASK_POLICY } from "../workers/media/task-policy.ts";
import {
  type AttemptEnd,
  claimTask,
  completeTask,
  endOf,
  failTask,
  loseTask,
  resumeTask,
  returnTask,
  type Task,
} from "../workers/media/tasks.ts";
import { taskOrder } from "../workers/vods/task-order.ts";
import { taskSettled } from "../workers/vods/task-settled.ts";
import type { TaskLeases } from "./task-leases.ts";

/** After an order that could not be made, e.g. because the storage is not configured. */
const ORDER_RETRY_MS = 15_000;
/** Until the end of a task is told again to whoever waits for it. */
const SETTLE_RETRY_MS = 10_000;

/** What is known of the worker now; null while it is away. */
export type TaskWorker = { id: string; roles: Role[]; max_tasks: number };

export type NodeTasksOptions = {
  leases: TaskLeases;
  context(): Ctx;
  worker(): TaskWorker | null;
  /** Nothing when the link is down. */
  send(frame: DownFrame): void;
  /** Sets the alarm for what is due. */
  schedule(): Promise<void>;
};

export class NodeTasks {
  readonly #leases: TaskLeases;
  readonly #context: NodeTasksOptions["context"];
  readonly #worker: NodeTasksOptions["worker"];
  readonly #send: NodeTasksOptions["send"];
  readonly #schedule: NodeTasksOptions["schedule"];
  /** Leases of ended tasks that are being told. */
  readonly #telling = new Set<string>();

  constructor({ leases, context, worker, send, schedule }: NodeTasksOptions) {
    this.#leases = leases;
    this.#context = context;
    this.#worker = worker;
    this.#send = send;
    this.#schedule = schedule;
  }

  /** How many more tasks the worker takes; null while it is away. */
  room(): { tasks: number; pinned: number; roles: Role[] } | null {
    const worker = this.#worker();
    if (!worker) return null;
    const { max_tasks, roles } = worker;
    const claims = this.#leases.countClaims();
    const room = { tasks: max_tasks - claims, pinned: PINNED_MAX - claims };
    for (const [kind, count] of this.#leases.countByKind())
      room[TASK_POLICY[kind].pinned ? "pinned" : "tasks"] -= count;
    return { tasks: Math.max(0, room.tasks), pinned: Math.max(0, room.pinned), roles };
  }

  /** Claims a task and hands it out. `refused`: somebody else was first, or it is not for this worker now. */
  async claim(job_id: string): Promise<"assigned" | "put off" | "refused"> {
    const worker = this.#worker();
    const room = this.room();
    const fence = { job_id, lease: newLease() };
    if (!worker || !room) return "refused";
    const kinds = [
      ...(room.pinned > 0 ? kindsFor(room.roles, true) : []),
      ...(room.tasks > 0 ? kindsFor(room.roles, false) : []),
    ];
    // Room is taken before anything is awaited: other claims run meanwhile.
    if (kinds.length === 0 || !this.#leases.beginClaim(fence, Date.now())) return "refused";
    const ctx = this.#context();
    try {
      // When the database does not answer, the claim keeps its room until it is known to be undone: see `wake`.
      const task = await claimTask(ctx, fence, { id: worker.id, kinds });
      const outcome = task ? await this.#assign(ctx, task) : "refused";
      this.#leases.endClaim(fence);
      return outcome;
    } finally {
      await this.#schedule();
    }
  }

  /** Claims until there is no room, or nothing that waits. */
  async fill(): Promise<void> {
    const ctx = this.#context();
    for (;;) {
      const worker = this.#worker();
      const room = this.room();
      if (!worker || !room) return;
      const [pinned, floating] = await Promise.all([
        room.pinned > 0 ? pinnedTasks(ctx, worker.id, room.roles, room.pinned) : [],
        room.tasks > 0 ? floatingTasks(ctx, room.roles, room.tasks, worker.id) : [],
      ]);
      let moved = 0;
      for (const id of [...pinned, ...floating.map((task) => task.id)]) {
        if ((await this.claim(id)) !== "refused") moved += 1;
      }
      if (moved === 0) return;
    }
  }

  /**
   * A worker (re)connected and carries these. What it does not carry any more is given up; what it carries goes on
   * unless somebody else has it by now. Returns those that it must forget.
   */
  async reconcile(carried: readonly TaskRef[], workerId: string): Promise<TaskRef[]> {
    const ctx = this.#context();
    const leases = new Set(carried.map(({ lease }) => lease));
    for (const task of this.#leases.held()) if (!leases.has(task.lease)) await this.#lose(ctx, task);
    const settled: TaskRef[] = [];
    for (const ref of carried) {
      const task = await resumeTask(ctx, ref, workerId);
      if (task) {
        this.#leases.add(task);
        continue;
      }
      const held = this.#leases.get(ref);
      if (held) this.#ended(held, await endOf(ctx, held));
      settled.push(ref);
    }
    return settled;
  }

  /** How a task fares. Rejects when the database is away: the worker says it again after its next hello. */
  async event(ref: TaskRef, body: TaskEvent): Promise<void> {
    const ctx = this.#context();
    const task = this.#leases.get(ref);
    if (task) {
      switch (body.event) {
        case "running":
          await moveJob(ctx, task, "running");
          return;
        case "done":
          this.#ended(task, await completeTask(ctx, task));
          break;
        case "failed":
          this.#ended(task, await failTask(ctx, task, body));
          break;
        default:
          body satisfies never;
      }
      this.refill();
    }
    this.#send({ type: "task_settled", task: ref });
  }

  /** The worker was silent for too long. Others may have its tasks, or it may come back with them. */
  async expire(): Promise<void> {
    const ctx = this.#context();
    for (const task of this.#leases.held()) await this.#lose(ctx, task);
  }

  /** The alarm: what was put off, and what was interrupted. */
  async wake(now: number): Promise<void> {
    const ctx = this.#context();
    for (const fence of this.#leases.staleClaims(now)) {
      await returnTask(ctx, fence, now, "the claim was interrupted");
      this.#leases.endClaim(fence);
      this.#leases.wakeAt(now);
    }
    if (!this.#leases.takeWakes(now)) return;
    ctx.waitUntil(this.#settle());
    ctx.waitUntil(dispatchTasks(ctx).catch((error) => logFailure("tasks not handed out", error)));
  }

  /** When `wake` is due, or null. */
  nextWake(): number | null {
    return this.#leases.nextWake();
  }

  /** There is room again. In the background: no frame waits for it. */
  refill(): void {
    const failed = (error: unknown) => logFailure("no tasks claimed", error, { worker_id: this.#worker()?.id });
    this.#context().waitUntil(this.fill().catch(failed));
  }

  async #assign(ctx: Ctx, task: Task): Promise<"assigned" | "put off"> {
    const { job_id, attempt, lease } = task;
    let order: TaskOrder | null;
    try {
      order = await taskOrder(ctx, task);
    } catch (error) {
      logFailure("no order for a task", error, { job_id });
      const again_at = Date.now() + ORDER_RETRY_MS;
      await returnTask(ctx, task, again_at, "its order could not be made");
      this.#leases.wakeAt(again_at);
      return "put off";
    }
    if (!order) {
      await moveJob(ctx, task, "cancelled");
      return "put off";
    }
    if (this.#worker() && this.#leases.hold(task)) {
      this.#send({ type: "assign", task: { job_id, attempt, lease }, order });
      return "assigned";
    }
    // The link closed meanwhile. Whoever is there by now, this worker too, may have it.
    await returnTask(ctx, task, Date.now(), "the link closed");
    this.#leases.wakeAt(Date.now());
    return "put off";
  }

  async #lose(ctx: Ctx, task: Task): Promise<void> {
    this.#ended(task, await loseTask(ctx, task));
  }

  #ended(task: Task, end: AttemptEnd): void {
    if (end === null || end.state === "queued") this.#leases.delete(task);
    else this.#leases.end(task, end);
    if (end?.state === "queued") {
      this.#leases.wakeAt(end.again_at);
    } else if (end) {
      this.#leases.wakeAt(Date.now() + SETTLE_RETRY_MS);
      this.#context().waitUntil(this.#settle());
    }
  }

  /** Tells the ends that are on record to whoever waits for them, each once. */
  async #settle(): Promise<void> {
    const failed = new Set<string>();
    // Read anew each time: several of these run at once.
    const next = () =>
      this.#leases.ended().find(({ task: { lease } }) => !this.#telling.has(lease) && !failed.has(lease));
    for (let ended = next(); ended; ended = next()) {
      const { task, state, error } = ended;
      this.#telling.add(task.lease);
      try {
        const { kind, spec, worker_id } = task;
        await taskSettled(this.#context(), { kind, spec, worker_id, state, error });
        this.#leases.delete(task);
      } catch (failure) {
        failed.add(task.lease);
        logFailure("the end of a task was not taken in; it is told again", failure, { job_id: task.job_id });
        this.#leases.wakeAt(Date.now() + SETTLE_RETRY_MS);
        await this.#schedule();
      } finally {
        this.#telling.delete(task.lease);
      }
    }
  }
}
