import { and, asc, eq, inArray, lt, notExists, sql } from "drizzle-orm";
import { ABANDONED_MS } from "#contract/recording";
import { jobs } from "#tables/media";
import { vod_parts, vods } from "#tables/vods";
import { mediaNode } from "../../durable-objects/stubs.ts";
import type { Ctx } from "../core/context.ts";
import { logFailure } from "../core/log.ts";
import { endSession } from "./end-session.ts";
import { finishingWorkers } from "./finish-tasks.ts";
import { streamOf } from "./recorded-parts.ts";
import { settleVod } from "./settle-vod.ts";
import { truncatePart } from "./truncate-part.ts";

/** A session whose end nobody told: longer than its stream's object retries, and than a worker takes to come back. */
const UNTOLD_MS = 10 * 60_000;
/** A VOD that waits is looked at once in so long. */
const WAITING_MS = 60_000;
/** In one go; the rest is the next minute's. */
const BATCH = 20;
/** So that those that fail each time keep no others from their turn. */
const ANY_ORDER = sql`random()`;

/** The net below the objects and the tasks, once a minute. Returns how much it did. */
export async function sweepRecordings(ctx: Ctx): Promise<number> {
  return (await truncateAbandoned(ctx)) + (await endForgotten(ctx)) + (await settleWaiting(ctx));
}

/** Parts of which their media worker said nothing for too long, unless it is there and still at it. */
async function truncateAbandoned(ctx: Ctx): Promise<number> {
  const silent = await ctx.db
    .select({
      id: vod_parts.id,
      vod_id: vods.id,
      worker_id: vod_parts.worker_id,
      session: vods.session,
      over: vods.session_ended,
    })
    .from(vod_parts)
    .innerJoin(vods, eq(vods.id, vod_parts.vod_id))
    .where(and(eq(vod_parts.state, "uploading"), lt(vod_parts.updated_at, ctx.now() - ABANDONED_MS)))
    .orderBy(ANY_ORDER)
    .limit(BATCH);
  let truncated = 0;
  for (const part of silent) {
    await attempt(ctx, { part_id: part.id }, async () => {
      if (await isAtWork(ctx, part)) return;
      await truncatePart(ctx, part.id);
      await settleVod(ctx, part.vod_id);
      truncated += 1;
    });
  }
  return truncated;
}

/** It records the session, or hands in what it has of it: an S3 that is away for hours costs nothing of that. */
async function isAtWork(ctx: Ctx, part: { worker_id: string; session: string; over: number }): Promise<boolean> {
  if (!(await mediaNode(ctx.env, part.worker_id).online())) return false;
  return part.over === 0 || (await finishingWorkers(ctx, part.session)).includes(part.worker_id);
}

/** VODs that are being recorded though nobody publishes. */
async function endForgotten(ctx: Ctx): Promise<number> {
  const publishing = ctx.db
    .select({ one: sql`1` })
    .from(jobs)
    .where(
      and(
        eq(jobs.stream_id, vods.stream_id),
        eq(jobs.session, vods.session),
        eq(jobs.kind, "ingest"),
        inArray(jobs.state, ["claimed", "running", "stopping"]),
      ),
    );
  const forgotten = await ctx.db
    .select({ id: vods.id, stream_id: vods.stream_id, session: vods.session })
    .from(vods)
    .where(and(eq(vods.status, "recording"), lt(vods.updated_at, ctx.now() - UNTOLD_MS), notExists(publishing)))
    .orderBy(ANY_ORDER)
    .limit(BATCH);
  let ended = 0;
  for (const vod of forgotten) {
    await attempt(ctx, { vod_id: vod.id }, async () => {
      const stream_id = await streamOf(ctx, vod);
      await endSession(ctx, { stream_id, session: vod.session, end: "unheard" });
      ended += 1;
    });
  }
  return ended;
}

/** VODs whose session is over, and which nobody has settled. */
async function settleWaiting(ctx: Ctx): Promise<number> {
  const waiting = await ctx.db
    .select({ id: vods.id, session: vods.session })
    .from(vods)
    .where(
      and(
        inArray(vods.status, ["processing", "recording"]),
        eq(vods.session_ended, 1),
        lt(vods.updated_at, ctx.now() - WAITING_MS),
      ),
    )
    .orderBy(asc(vods.updated_at))
    .limit(BATCH);
  let settled = 0;
  for (const { id, session } of waiting) {
    await attempt(ctx, { vod_id: id }, async () => {
      // So that those which must wait on do not keep others from their turn.
      await ctx.db.update(vods).set({ updated_at: ctx.now() }).where(eq(vods.id, id));
      await truncateMissing(ctx, id, session);
      if (await settleVod(ctx, id)) settled += 1;
    });
  }
  return settled;
}

/** Parts of workers that said before that they hold nothing more of the session, and are not heard of since. */
async function truncateMissing(ctx: Ctx, vodId: number, session: string): Promise<void> {
  const open = await ctx.db
    .select({ id: vod_parts.id, worker_id: vod_parts.worker_id })
    .from(vod_parts)
    .where(
      and(
        eq(vod_parts.vod_id, vodId),
        eq(vod_parts.state, "uploading"),
        lt(vod_parts.updated_at, ctx.now() - WAITING_MS),
      ),
    );
  if (open.length === 0) return;
  const finishing = await finishingWorkers(ctx, session);
  const finished = await ctx.db
    .selectDistinct({ worker_id: jobs.worker_id })
    .from(jobs)
    .where(and(eq(jobs.session, session), eq(jobs.kind, "finish"), eq(jobs.state, "done")));
  for (const part of open) {
    const done = finished.some((job) => job.worker_id === part.worker_id);
    if (!done || finishing.includes(part.worker_id)) continue;
    await attempt(ctx, { part_id: part.id }, () => truncatePart(ctx, part.id));
  }
}

/** One that fails keeps no other from its turn. */
async function attempt(ctx: Ctx, about: Record<string, unknown>, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    logFailure("a recording is left for the next sweep", error, { ...about, request_id: ctx.requestId });
  }
}
