/**
 * The rows of queued jobs: claimed, carried on, ended. Each move is a compare-and-set under the attempt's lease, so of
 * any number that try at once, one wins. A row that goes back to the queue because its worker fell silent keeps its
 * lease: the worker may come back with the task as long as nobody else has claimed it.
 */
import { and, eq, inArray, or, sql } from "drizzle-orm";
import type { Blame } from "#contract/media";
import { TaskKind, type TaskRef, TaskSpec } from "#contract/tasks";
import { jobs } from "#tables/media";
import { commit } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { isDue } from "./due-tasks.ts";
import { type Fence, moveStatement } from "./jobs.ts";
import { retryDelay, TASK_POLICY } from "./task-policy.ts";

/** One attempt, and what it is about. */
export type Task = TaskRef & { kind: TaskKind; spec: TaskSpec; worker_id: string };

/** What became of an attempt. `again_at`: UTC ms of the next one. `null`: the row is not under this lease any more. */
export type AttemptEnd =
  | { state: "done" | "failed"; error: string | null }
  | { state: "queued"; again_at: number }
  | null;

/** Claims a due task under a new lease, for a worker that takes such kinds now. Null: somebody else was first. */
export async function claimTask(
  ctx: Ctx,
  { job_id, lease }: Fence,
  worker: { id: string; kinds: readonly TaskKind[] },
): Promise<Task | null> {
  const mayDo = worker.kinds.map((kind) =>
    and(eq(jobs.kind, kind), TASK_POLICY[kind].pinned ? eq(jobs.affinity, worker.id) : undefined),
  );
  if (mayDo.length === 0) return null;
  const claim = ctx.db
    .update(jobs)
    .set({
      state: "claimed",
      attempt: sql`${jobs.attempt} + 1`,
      lease_token: lease,
      worker_id: worker.id,
      affinity: worker.id,
      not_before: null,
      updated_at: ctx.now(),
    })
    .where(and(eq(jobs.id, job_id), isDue(ctx.now()), or(...mayDo)))
    .returning();
  const [[row]] = await commit(ctx, [claim], []);
  return row ? taskOf(row) : null;
}

/** A worker came with this task. Null: somebody else has it, or it is settled. */
export async function resumeTask(ctx: Ctx, { job_id, lease }: TaskRef, workerId: string): Promise<Task | null> {
  const fence = { job_id, lease };
  await commit(
    ctx,
    [moveStatement(ctx, fence, "claimed", { not_before: null }), moveStatement(ctx, fence, "running")],
    [],
  );
  const row = await ctx.db
    .select()
    .from(jobs)
    .where(
      and(
        eq(jobs.id, job_id),
        eq(jobs.lease_token, lease),
        eq(jobs.worker_id, workerId),
        inArray(jobs.kind, TaskKind.options),
        inArray(jobs.state, ["claimed", "running"]),
      ),
    )
    .get();
  return row ? taskOf(row) : null;
}

/** The attempt succeeded. */
export async function completeTask(ctx: Ctx, fence: Fence): Promise<AttemptEnd> {
  // Its beginning may not have been heard.
  await commit(ctx, [moveStatement(ctx, fence, "running"), moveStatement(ctx, fence, "done")], []);
  return endOf(ctx, fence);
}

/** The attempt failed: there is another one after a while, unless the input is to blame or they are used up. */
export async function failTask(
  ctx: Ctx,
  { job_id, lease, attempt, kind }: Task,
  { blame, message }: { blame: Blame; message: string },
): Promise<AttemptEnd> {
  const fence = { job_id, lease };
  const why = { blame, last_error: message };
  const begun = moveStatement(ctx, fence, "running");
  if (blame === "input" || attempt >= TASK_POLICY[kind].attempts) {
    await commit(ctx, [begun, moveStatement(ctx, fence, "failed", why)], []);
    return endOf(ctx, fence);
  }
  const again_at = Math.round(ctx.now() + retryDelay(kind, attempt));
  const back = moveStatement(ctx, fence, "queued", {
    ...why,
    not_before: again_at,
    // No worker comes back with an attempt that is over.
    lease_token: null,
    // Another worker may fare better.
    ...(!TASK_POLICY[kind].pinned && { affinity: null }),
  });
  const [, , queued] = await commit(ctx, [begun, moveStatement(ctx, fence, "lost"), back], []);
  return queued.length === 1 ? { state: "queued", again_at } : endOf(ctx, fence);
}

/** The worker fell silent, or came back without the task. */
export async function loseTask(ctx: Ctx, { job_id, lease, attempt, kind }: Task): Promise<AttemptEnd> {
  const fence = { job_id, lease };
  const why = { blame: "internal", last_error: "lost" } as const;
  const to = attempt >= TASK_POLICY[kind].attempts ? "failed" : "queued";
  const [, moved] = await commit(ctx, [moveStatement(ctx, fence, "lost"), moveStatement(ctx, fence, to, why)], []);
  return to === "queued" && moved.length === 1 ? { state: "queued", again_at: ctx.now() } : endOf(ctx, fence);
}

/** A claim of which the worker was never told does not count as an attempt. */
export async function returnTask(ctx: Ctx, { job_id, lease }: Fence, again_at: number, why: string): Promise<void> {
  const fence = { job_id, lease };
  const uncount = ctx.db
    .update(jobs)
    .set({ attempt: sql`${jobs.attempt} - 1`, lease_token: null })
    .where(and(eq(jobs.id, job_id), eq(jobs.lease_token, lease), eq(jobs.state, "queued")));
  const back = moveStatement(ctx, fence, "queued", { last_error: why, not_before: again_at });
  await commit(ctx, [moveStatement(ctx, fence, "lost"), back, uncount], []);
}

/** A settled row says what it settled as; one that others hold by now, or that waits again, says nothing. */
export async function endOf(ctx: Ctx, { job_id, lease }: Fence): Promise<AttemptEnd> {
  const row = await ctx.db
    .select({ state: jobs.state, error: jobs.last_error })
    .from(jobs)
    .where(and(eq(jobs.id, job_id), eq(jobs.lease_token, lease)))
    .get();
  if (row?.state === "done") return { state: "done", error: null };
  return row?.state === "failed" ? { state: "failed", error: row.error } : null;
}

/** The attempt that a row is held under. Throws when nobody holds it. */
export function taskOf(row: typeof jobs.$inferSelect): Task {
  const { id: job_id, attempt, lease_token, worker_id } = row;
  if (lease_token === null || worker_id === null) throw new Error(`task ${job_id} is held by nobody`);
  const kind = TaskKind.parse(row.kind);
  return { job_id, attempt, lease: lease_token, kind, spec: TaskSpec.parse(row.spec), worker_id };
}
