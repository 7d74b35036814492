/** The tasks by which media workers hand in all they have of a session. */
import { and, eq, inArray } from "drizzle-orm";
import { JobState } from "#contract/media";
import { jobs } from "#tables/media";
import { mediaNode } from "../../durable-objects/stubs.ts";
import type { Ctx } from "../core/context.ts";

const OVER: readonly JobState[] = ["done", "failed", "cancelled"];
const OPEN = JobState.options.filter((state) => !OVER.includes(state));

/** Media workers that have not said yet that they hold nothing more of the session. */
export async function finishingWorkers(ctx: Ctx, session: string): Promise<string[]> {
  const open = await ctx.db
    .selectDistinct({ worker_id: jobs.affinity })
    .from(jobs)
    .where(and(inArray(jobs.state, OPEN), eq(jobs.kind, "finish"), eq(jobs.session, session)));
  return open.flatMap(({ worker_id }) => worker_id ?? []);
}

/**
 * Somebody looks for more of the session. A media worker that is away is not waited for: what it still holds comes in
 * late, and what it is known to hold is a part that is being handed in.
 */
export async function isFinishing(ctx: Ctx, session: string): Promise<boolean> {
  const workers = await finishingWorkers(ctx, session);
  const online = await Promise.all(workers.map((worker) => mediaNode(ctx.env, worker).online()));
  return online.includes(true);
}
