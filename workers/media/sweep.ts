import { and, eq, inArray, lt } from "drizzle-orm";
import { job_reports, jobs } from "#tables/media";
import { liveStream, mediaNode } from "../../durable-objects/stubs.ts";
import type { Ctx } from "../core/context.ts";
import { moveJob, statesBefore } from "./jobs.ts";

/** Well beyond what the `MediaNode` object's own alarm needs to give up a silent worker. */
const SILENT_MS = 60_000;
/** A lost job that its worker has not come back with; the object forgets it an hour earlier. */
const LOST_MS = 25 * 3600 * 1000;
/** Longer than any spool retries. */
const REPORT_KEYS_MS = 7 * 24 * 3600 * 1000;

/** The net below the objects' alarms, once a minute. Returns how many jobs it gave up. */
export async function sweepJobs(ctx: Ctx): Promise<number> {
  const now = ctx.now();
  await ctx.db.delete(job_reports).where(lt(job_reports.received_at, now - REPORT_KEYS_MS));
  await ctx.db
    .update(jobs)
    .set({ state: "failed", blame: "internal", last_error: "lost", updated_at: now, ended_at: now })
    .where(and(eq(jobs.state, "lost"), lt(jobs.updated_at, now - LOST_MS)));

  const held = and(inArray(jobs.state, statesBefore("done")), lt(jobs.updated_at, now - SILENT_MS));
  const workers = await ctx.db.selectDistinct({ id: jobs.worker_id }).from(jobs).where(held);
  let lost = 0;
  for (const { id } of workers) {
    if (id === null || (await mediaNode(ctx.env, id).online())) continue;
    const orphans = await ctx.db
      .select()
      .from(jobs)
      .where(and(held, eq(jobs.worker_id, id)));
    for (const { id: job_id, lease_token: lease, stream_id } of orphans) {
      if (lease === null) continue;
      if (stream_id !== null) await liveStream(ctx.env, stream_id).lost(lease);
      if (await moveJob(ctx, { job_id, lease }, "lost")) lost += 1;
    }
  }
  return lost;
}
