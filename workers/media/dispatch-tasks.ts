import { and, inArray, isNull } from "drizzle-orm";
import type { Role } from "#contract/media";
import { TaskKind } from "#contract/tasks";
import { jobs, media_workers } from "#tables/media";
import { mediaNode } from "../../durable-objects/stubs.ts";
import type { Ctx } from "../core/context.ts";
import { logFailure } from "../core/log.ts";
import { floatingTasks, isDue, pinnedTasks } from "./due-tasks.ts";
import { TASK_POLICY } from "./task-policy.ts";

/** A media worker that is there, and how many more tasks it takes. */
type Candidate = { id: string; roles: Role[]; tasks: number; pinned: number };

/**
 * Offers queued tasks to media workers that have room, to this one only when it is named. What nobody takes stays
 * queued: for a worker's next hello, the next end of a task, or the minute's sweep. To be called after the commit that
 * queued it, in `waitUntil`. Returns how many were claimed.
 */
export async function dispatchTasks(ctx: Ctx, workerId?: string): Promise<number> {
  const asked = workerId === undefined ? await concerned(ctx) : [workerId];
  const rooms = await Promise.all(asked.map((id) => roomOf(ctx, id)));
  const candidates = rooms.filter((candidate) => candidate !== null);
  const pinned = await Promise.all(candidates.map((candidate) => offerPinned(ctx, candidate)));
  return sum(pinned) + (await offerFloating(ctx, candidates));
}

/** The workers for which something is queued, whether they are there or not. */
async function concerned(ctx: Ctx): Promise<string[]> {
  const due = await ctx.db
    .selectDistinct({ kind: jobs.kind, affinity: jobs.affinity })
    .from(jobs)
    .where(and(isDue(ctx.now()), inArray(jobs.kind, TaskKind.options)));
  const ids = new Set<string>();
  const roles = new Set<Role>();
  for (const { kind, affinity } of due) {
    const policy = TASK_POLICY[TaskKind.parse(kind)];
    if (!policy.pinned) roles.add(policy.role);
    else if (affinity !== null) ids.add(affinity);
  }
  if (roles.size === 0) return [...ids];
  const workers = await ctx.db
    .select({ id: media_workers.id, roles: media_workers.roles })
    .from(media_workers)
    .where(isNull(media_workers.revoked_at));
  for (const worker of workers) if (worker.roles.some((role) => roles.has(role))) ids.add(worker.id);
  return [...ids];
}

async function roomOf(ctx: Ctx, id: string): Promise<Candidate | null> {
  try {
    const room = await mediaNode(ctx.env, id).room();
    return room && { id, ...room };
  } catch (error) {
    logFailure("a media worker's object did not answer", error, { worker_id: id });
    return null;
  }
}

async function offerPinned(ctx: Ctx, candidate: Candidate): Promise<number> {
  let claimed = 0;
  if (candidate.pinned === 0) return 0;
  for (const job_id of await pinnedTasks(ctx, candidate.id, candidate.roles, candidate.pinned)) {
    if (await offer(ctx, candidate, job_id)) claimed += 1;
  }
  return claimed;
}

/** Each to the worker that it prefers, or else to the one with the most room. */
async function offerFloating(ctx: Ctx, candidates: Candidate[]): Promise<number> {
  const room = sum(candidates.map((candidate) => candidate.tasks));
  const roles = new Set(candidates.flatMap((candidate) => candidate.roles));
  if (room === 0) return 0;
  const only = candidates.length === 1 ? candidates[0]?.id : undefined;
  let claimed = 0;
  for (const { id, kind, affinity } of await floatingTasks(ctx, [...roles], room, only)) {
    const { role } = TASK_POLICY[TaskKind.parse(kind)];
    const able = candidates.filter((candidate) => candidate.tasks > 0 && candidate.roles.includes(role));
    able.sort((a, b) => Number(b.id === affinity) - Number(a.id === affinity) || b.tasks - a.tasks);
    const [best] = able;
    if (!best || !(await offer(ctx, best, id))) continue;
    best.tasks -= 1;
    claimed += 1;
  }
  return claimed;
}

async function offer(ctx: Ctx, candidate: Candidate, job_id: string): Promise<boolean> {
  try {
    return await mediaNode(ctx.env, candidate.id).claim(job_id);
  } catch (error) {
    logFailure("a task could not be handed out", error, { worker_id: candidate.id, job_id });
    return false;
  }
}

const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);
