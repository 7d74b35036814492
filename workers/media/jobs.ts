/**
 * The `jobs` table. Every move is a compare-and-set on the stored state under the attempt's lease token, and only
 * moves of `JOB_MOVES` can be written: the states a move may start from are read from the table.
 */
import { and, eq, inArray, sql } from "drizzle-orm";
import { JOB_MOVES, type JobReport, JobState } from "#contract/media";
import { job_reports, jobs } from "#tables/media";
import { streams } from "#tables/streams";
import { commit } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";

/** Names one attempt. */
export type Fence = { job_id: string; lease: string };

/** What is written with a move. */
type Outcome = Partial<
  Pick<typeof jobs.$inferInsert, "blame" | "last_error" | "order" | "not_before" | "affinity" | "lease_token">
>;

const TERMINAL: readonly JobState[] = JobState.options.filter((state) => JOB_MOVES[state].length === 0);

/** The states from which `to` can be reached in one move. */
export function statesBefore(to: JobState): JobState[] {
  return JobState.options.filter((state) => (JOB_MOVES[state] as readonly JobState[]).includes(to));
}

/** For a `commit`; its result is empty when the move was refused. */
export function moveStatement(ctx: Ctx, { job_id, lease }: Fence, to: JobState, outcome: Outcome = {}) {
  const now = ctx.now();
  return ctx.db
    .update(jobs)
    .set({ state: to, updated_at: now, ...(TERMINAL.includes(to) ? { ended_at: now } : {}), ...outcome })
    .where(and(eq(jobs.id, job_id), eq(jobs.lease_token, lease), inArray(jobs.state, statesBefore(to))))
    .returning({ id: jobs.id });
}

/** True when the job was in a state that may move there, under this lease. */
export async function moveJob(ctx: Ctx, fence: Fence, to: JobState, outcome?: Outcome): Promise<boolean> {
  const [moved] = await commit(ctx, [moveStatement(ctx, fence, to, outcome)], []);
  return moved.length === 1;
}

/** Two moves at once, e.g. an expired lease whose job cannot come back: `running → lost → failed`. */
export async function moveJobThrough(ctx: Ctx, fence: Fence, path: [JobState, JobState], outcome?: Outcome) {
  const [through, to] = path;
  await commit(ctx, [moveStatement(ctx, fence, through), moveStatement(ctx, fence, to, outcome)], []);
}

export type NewIngestJob = Fence & {
  attempt: number;
  worker_id: string;
  stream_id: number;
  session: string;
  /** The stream's key as it was when the publisher was let in. */
  key_hash: string;
  spec: { protocol?: string; app?: string; ip?: string; offline?: true };
};

/**
 * An ingest job is born running. False when the stream was deleted or its key changed meanwhile, or when the job
 * exists already.
 */
export async function createIngestJob(ctx: Ctx, job: NewIngestJob): Promise<boolean> {
  const now = ctx.now();
  const insert = sql`
    INSERT INTO ${jobs} (id, kind, spec, "order", state, attempt, lease_token, worker_id, stream_id, session, created_at, updated_at)
    SELECT ${job.job_id}, 'ingest', ${JSON.stringify(job.spec)}, 'run', 'running', ${job.attempt}, ${job.lease},
           ${job.worker_id}, ${streams.id}, ${job.session}, ${now}, ${now}
    FROM ${streams} WHERE ${streams.id} = ${job.stream_id} AND ${streams.live_key_hash} = ${job.key_hash}
    ON CONFLICT DO NOTHING RETURNING id`;
  return (await ctx.db.all(insert)).length === 1;
}

/** A session's end, at least once: the report's key makes the second time nothing. Refused silently when stale. */
export async function endJob(ctx: Ctx, { job_id, attempt, seq, lease, body }: JobReport): Promise<void> {
  if (body.event !== "ended") return;
  const fence = { job_id, lease };
  const to: JobState = body.blame === null ? "done" : "failed";
  const outcome: Outcome = { blame: body.blame, last_error: body.reason };
  await commit(
    ctx,
    [
      ctx.db
        .insert(job_reports)
        .values({ key: `${job_id}:${attempt}:${seq}`, received_at: ctx.now() })
        .onConflictDoNothing(),
      // A job that was given up for lost and ended by itself was running all the time.
      moveStatement(ctx, fence, "running"),
      moveStatement(ctx, fence, to, outcome),
    ],
    [],
  );
}

/** People's order; what the media worker then reports is the state. */
export async function stopJob(ctx: Ctx, fence: Fence): Promise<boolean> {
  return moveJob(ctx, fence, "stopping", { order: "stop" });
}
