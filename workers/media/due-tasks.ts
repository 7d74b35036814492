import { and, asc, desc, eq, inArray, isNull, lte, or, type SQL, sql } from "drizzle-orm";
import type { Role } from "#contract/media";
import { TaskKind } from "#contract/tasks";
import { jobs } from "#tables/media";
import type { Ctx } from "../core/context.ts";
import { TASK_POLICY } from "./task-policy.ts";

/** Queued, and its time has come. */
export const isDue = (now: number): SQL | undefined =>
  and(eq(jobs.state, "queued"), or(isNull(jobs.not_before), lte(jobs.not_before, now)));

/** What a worker with these roles can do. */
export const kindsFor = (roles: readonly Role[], pinned: boolean): TaskKind[] =>
  TaskKind.options.filter((kind) => TASK_POLICY[kind].pinned === pinned && roles.includes(TASK_POLICY[kind].role));

/** The ids of tasks that wait for this media worker alone, oldest first. */
export async function pinnedTasks(
  ctx: Ctx,
  workerId: string,
  roles: readonly Role[],
  limit: number,
): Promise<string[]> {
  const rows = await ctx.db
    .select({ id: jobs.id })
    .from(jobs)
    .where(and(isDue(ctx.now()), inArray(jobs.kind, kindsFor(roles, true)), eq(jobs.affinity, workerId)))
    .orderBy(asc(jobs.created_at))
    .limit(limit);
  return rows.map((row) => row.id);
}

/** Tasks that any media worker with these roles may do, oldest first; those that prefer `first` before all others. */
export async function floatingTasks(ctx: Ctx, roles: readonly Role[], limit: number, first: string | null = null) {
  return ctx.db
    .select({ id: jobs.id, kind: jobs.kind, affinity: jobs.affinity })
    .from(jobs)
    .where(and(isDue(ctx.now()), inArray(jobs.kind, kindsFor(roles, false))))
    .orderBy(desc(sql`${jobs.affinity} IS ${first}`), asc(jobs.created_at))
    .limit(limit);
}
