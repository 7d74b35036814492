import { and, eq, inArray, lt, or } from "drizzle-orm";
import type { JobState } from "#contract/media";
import { TaskKind } from "#contract/tasks";
import { job_reports, jobs } from "#tables/media";
import { liveStream, mediaNode } from "../../durable-objects/stubs.ts";
import type { Ctx } from "../core/context.ts";
import { taskSettled } from "../vods/task-settled.ts";
import { dispatchTasks } from "./dispatch-tasks.ts";
import { moveJob, statesBefore } from "./jobs.ts";
import { TASK_POLICY } from "./task-policy.ts";
import { loseTask, taskOf } from "./tasks.ts";

/** Well beyond what the `MediaNode` object's own alarm needs to give up a silent worker. */
const SILENT_MS = 60_000;
/** A lost job that its worker has not come back with; the object forgets it an hour earlier. */
const LOST_MS = 25 * 3600 * 1000;
/** Longer than any spool retries. */
const REPORT_KEYS_MS = 7 * 24 * 3600 * 1000;

/** A worker has them. */
const HELD: JobState[] = ["claimed", ...statesBefore("done")];

/** The net below the objects' alarms, once a minute. Returns how many jobs it gave up, cancelled or handed out. */
export async function sweepJobs(ctx: Ctx): Promise<number> {
  const now = ctx.now();
  await ctx.db.delete(job_reports).where(lt(job_reports.received_at, now - REPORT_KEYS_MS));
  await ctx.db
    .update(jobs)
    .set({ state: "failed", blame: "internal", last_error: "lost", updated_at: now, ended_at: now })
    .where(and(eq(jobs.state, "lost"), lt(jobs.updated_at, now - LOST_MS)));

  return (await giveUpSilent(ctx)) + (await cancelUnwanted(ctx)) + (await dispatchTasks(ctx));
}

/** What workers hold that are not there. */
async function giveUpSilent(ctx: Ctx): Promise<number> {
  const held = and(inArray(jobs.state, HELD), lt(jobs.updated_at, ctx.now() - SILENT_MS));
  const workers = await ctx.db.selectDistinct({ id: jobs.worker_id }).from(jobs).where(held);
  let lost = 0;
  for (const { id } of workers) {
    if (id === null || (await mediaNode(ctx.env, id).online())) continue;
    const orphans = await ctx.db
      .select()
      .from(jobs)
      .where(and(held, eq(jobs.worker_id, id)));
    for (const row of orphans) if (await giveUp(ctx, row)) lost += 1;
  }
  return lost;
}

async function giveUp(ctx: Ctx, row: typeof jobs.$inferSelect): Promise<boolean> {
  const { id: job_id, lease_token: lease, stream_id } = row;
  if (lease === null) return false;
  if (row.kind === "ingest") {
    if (stream_id !== null) await liveStream(ctx.env, stream_id).lost(lease);
    return moveJob(ctx, { job_id, lease }, "lost");
  }
  const task = taskOf(row);
  const end = await loseTask(ctx, task);
  if (end && end.state !== "queued") await taskSettled(ctx, { ...task, state: end.state, error: end.error });
  return end !== null;
}

/** Tasks for which nobody could be found for too long. */
async function cancelUnwanted(ctx: Ctx): Promise<number> {
  const now = ctx.now();
  const waited = TaskKind.options.map((kind) =>
    and(eq(jobs.kind, kind), lt(jobs.updated_at, now - TASK_POLICY[kind].waits_ms)),
  );
  const { meta } = await ctx.db
    .update(jobs)
    .set({ state: "cancelled", updated_at: now, ended_at: now })
    .where(and(eq(jobs.state, "queued"), or(...waited)))
    .run();
  return meta.changes;
}
