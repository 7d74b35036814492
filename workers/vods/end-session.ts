import { and, eq, isNull, sql } from "drizzle-orm";
import { jobs, media_workers } from "#tables/media";
import { vod_parts, vods } from "#tables/vods";
import { liveStream } from "../../durable-objects/stubs.ts";
import { commit } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { logFailure } from "../core/log.ts";
import { dispatchTasks } from "../media/dispatch-tasks.ts";
import { queueTask } from "../media/queue-task.ts";
import { tellLiveStream } from "../streams/live-orders.ts";
import { isFinishing } from "./finish-tasks.ts";
import { ofSession } from "./recorded-parts.ts";
import { settleVod } from "./settle-vod.ts";

export type EndedSession = {
  stream_id: number;
  session: string;
  /** Tells apart the ends of a session that came back after one. */
  end: string;
};

/**
 * A recorded session is over: each media worker that had it hands in the rest, then its VOD is settled. Repeating it
 * changes nothing.
 */
export async function endSession(ctx: Ctx, { stream_id, session, end }: EndedSession): Promise<void> {
  const vod = await ctx.db.select({ id: vods.id }).from(vods).where(ofSession(stream_id, session)).get();
  const workers = await recordersOf(ctx, { stream_id, session }, vod?.id);
  const spec = { ...(vod && { vod_id: vod.id }), stream_id, session };
  const tasks = workers.map((affinity) =>
    queueTask(ctx, { id: `finish:${stream_id}:${session}:${end}:${affinity}`, kind: "finish", spec, affinity }),
  );
  const over = ctx.db
    .update(vods)
    .set({
      session_ended: 1,
      status: sql`CASE ${vods.status} WHEN 'recording' THEN 'processing' ELSE ${vods.status} END`,
      updated_at: ctx.now(),
    })
    .where(and(ofSession(stream_id, session), eq(vods.session_ended, 0)));
  await commit(ctx, [over, ...tasks], []);
  ctx.waitUntil(
    Promise.all(workers.map((worker) => dispatchTasks(ctx, worker))).catch((error) =>
      logFailure("tasks are handed out later", error, { stream_id, session }),
    ),
  );
  if (vod) await settleVod(ctx, vod.id);
  else await tellNothingRecorded(ctx, stream_id, session);
}

/** A session of which nothing has come in, and nothing is expected, is not waited for. */
export async function tellNothingRecorded(ctx: Ctx, streamId: number, session: string): Promise<void> {
  if (await isFinishing(ctx, session)) return;
  await tellLiveStream(ctx, streamId, "recorded", () => liveStream(ctx.env, streamId).recorded(session));
}

/** The media workers that may hold something of the session. */
async function recordersOf(ctx: Ctx, { stream_id, session }: Omit<EndedSession, "end">, vodId = 0): Promise<string[]> {
  const [published, opened] = await ctx.db.batch([
    ctx.db
      .selectDistinct({ id: media_workers.id, roles: media_workers.roles })
      .from(jobs)
      .innerJoin(media_workers, eq(media_workers.id, jobs.worker_id))
      .where(
        and(
          eq(jobs.stream_id, stream_id),
          eq(jobs.session, session),
          eq(jobs.kind, "ingest"),
          isNull(media_workers.revoked_at),
        ),
      ),
    ctx.db.selectDistinct({ id: vod_parts.worker_id }).from(vod_parts).where(eq(vod_parts.vod_id, vodId)),
  ]);
  const able = published.filter(({ roles }) => roles.includes("record"));
  return [...new Set([...able, ...opened].map(({ id }) => id))];
}
