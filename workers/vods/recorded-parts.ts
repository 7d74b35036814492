/** Parts while they are handed in: looked up, and fenced to the media worker that recorded them. */
import { and, eq, isNull, or, sql } from "drizzle-orm";
import type { Discard } from "#contract/recording";
import { jobs } from "#tables/media";
import { vod_parts, vod_runs, vod_slices, vods } from "#tables/vods";
import { commit } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";

export type PartRow = typeof vod_parts.$inferSelect;

/** Of one VOD. A publisher that comes and goes for hours would make a playlist that no player takes. */
export const PARTS_MAX = 2_000;

/** The bytes are to be thrown away. */
export const discarded = (reason: "not_recorded" | "deleted") =>
  ({ keep: false, reason }) as const satisfies (typeof Discard)["_output"];

/** The VOD of a live session; once its stream is deleted it is known by its session alone. */
export const ofSession = (streamId: number, session: string) =>
  and(eq(vods.session, session), or(eq(vods.stream_id, streamId), isNull(vods.stream_id)));

/** The id of the VOD's stream, also of one that is deleted: the VOD has forgotten it then, its media worker's job not. */
export async function streamOf(
  ctx: Ctx,
  { id, stream_id, session }: Pick<typeof vods.$inferSelect, "id" | "stream_id" | "session">,
): Promise<number> {
  if (stream_id !== null) return stream_id;
  const job = await ctx.db
    .select({ stream_id: jobs.stream_id })
    .from(jobs)
    .innerJoin(vod_parts, eq(vod_parts.worker_id, jobs.worker_id))
    .where(and(eq(vod_parts.vod_id, id), eq(jobs.session, session)))
    .get();
  return job?.stream_id ?? 0;
}

/** Null: it went with its VOD. Throws `not_found` when another media worker recorded it. */
export async function findPart(ctx: Ctx, workerId: string, partId: string): Promise<PartRow | null> {
  const part = await ctx.db.select().from(vod_parts).where(eq(vod_parts.id, partId)).get();
  if (!part) return null;
  if (part.worker_id !== workerId) throw new ApiError("not_found", "No such part");
  return part;
}

/** An upload that is not there may be about to become an object by another call. */
const GONE_MS = 10 * 60_000;
export const isGoneForGood = (ctx: Ctx, part: PartRow): boolean => ctx.now() - part.updated_at > GONE_MS;

/** For a commit that changes a part: its VOD shows what is known of all its parts. */
export const totalsStatement = (ctx: Ctx, vodId: number) =>
  ctx.db
    .update(vods)
    .set({ duration_ms: totalOf(vodId, "duration_ms"), size: totalOf(vodId, "size"), updated_at: ctx.now() })
    .where(eq(vods.id, vodId));

const totalOf = (vodId: number, column: "duration_ms" | "size") =>
  sql`(SELECT coalesce(sum(${vod_parts[column]}), 0) FROM ${vod_parts}
       WHERE ${vod_parts.vod_id} = ${vodId} AND ${vod_parts.state} <> 'failed')`;

type Outcome = Partial<Pick<typeof vod_parts.$inferInsert, "size" | "duration_ms" | "runs" | "end">>;

/**
 * A part is not handed in any more: what was reported of it before goes. A failed one keeps what is known of its
 * length, which is what was lost. False: somebody else was faster.
 */
export async function closePart(
  ctx: Ctx,
  part: Pick<PartRow, "id" | "vod_id">,
  state: "done" | "truncated" | "failed",
  outcome: Outcome = {},
): Promise<boolean> {
  const [closed] = await commit(
    ctx,
    [
      ctx.db
        .update(vod_parts)
        .set({ state, ...outcome, upload_id: null, updated_at: ctx.now() })
        .where(and(eq(vod_parts.id, part.id), eq(vod_parts.state, "uploading")))
        .returning({ id: vod_parts.id }),
      ctx.db.delete(vod_slices).where(eq(vod_slices.part_id, part.id)),
      ctx.db.delete(vod_runs).where(eq(vod_runs.part_id, part.id)),
      totalsStatement(ctx, part.vod_id),
    ],
    [],
  );
  return closed.length === 1;
}
