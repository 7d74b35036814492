import { and, eq, sql } from "drizzle-orm";
import { type PartProgress, type ProgressReply, type Run, SLICE_BYTES, type Slice } from "#contract/recording";
import { vod_parts, vod_runs, vod_slices } from "#tables/vods";
import { commit } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { discarded, findPart, type PartRow, totalsStatement } from "./recorded-parts.ts";

/**
 * What a media worker has of a part so far, and what of it is uploaded: from this it is completed when the worker does
 * not come back. Saying it again changes nothing. Throws `invalid_request`, or `not_found` when it is another worker's.
 */
export async function recordProgress(ctx: Ctx, workerId: string, progress: PartProgress): Promise<ProgressReply> {
  const part = await findPart(ctx, workerId, progress.part_id);
  if (part?.state === "done") return { keep: true };
  if (part?.state !== "uploading") return discarded("deleted");
  checkSlices(progress);
  await checkRuns(ctx, part, progress);
  await commit(
    ctx,
    [
      ctx.db
        .update(vod_parts)
        .set({
          size: sql`max(${vod_parts.size}, ${progress.size})`,
          duration_ms: sql`max(${vod_parts.duration_ms}, ${progress.duration_ms})`,
          updated_at: ctx.now(),
        })
        .where(and(eq(vod_parts.id, part.id), eq(vod_parts.state, "uploading"))),
      slicesStatement(ctx, part.id, progress.slices),
      ...(progress.runs.length > 0 ? [runsStatement(ctx, part.id, progress.first_run, progress.runs)] : []),
      totalsStatement(ctx, part.vod_id),
    ],
    [],
  );
  return { keep: true };
}

function checkSlices({ slices, size }: PartProgress): void {
  const seen = new Set<number>();
  for (const slice of slices) {
    const end = (slice.n - 1) * SLICE_BYTES + slice.size;
    if (seen.has(slice.n)) throw bad(`slice ${slice.n} is there twice`);
    if (end > size) throw bad(`slice ${slice.n} ends behind the size`);
    if (slice.size !== SLICE_BYTES && end !== size) throw bad(`slice ${slice.n} is not the last and has another size`);
    seen.add(slice.n);
  }
}

async function checkRuns(ctx: Ctx, part: PartRow, { first_run, runs, size }: PartProgress): Promise<void> {
  const bytes = runs.reduce((sum, [length]) => sum + length, part.header_bytes);
  if (runs.length > 0 && bytes > size) throw bad("the runs are larger than the size");
  if (runs.length === 0 || first_run === 0) return;
  const end = sql<number>`coalesce(max(${vod_runs.first} + json_array_length(${vod_runs.runs})), 0)`;
  const known = await ctx.db.select({ end }).from(vod_runs).where(eq(vod_runs.part_id, part.id)).get();
  if (first_run > (known?.end ?? 0)) throw bad(`the runs from ${known?.end ?? 0} to ${first_run} are missing`);
}

const stillUploading = (partId: string) =>
  sql`EXISTS (SELECT 1 FROM ${vod_parts} WHERE ${vod_parts.id} = ${partId} AND ${vod_parts.state} = 'uploading')`;

/** The newest counts: the first slice goes up twice. */
const slicesStatement = (ctx: Ctx, partId: string, slices: readonly Slice[]) =>
  ctx.db.run(sql`
    INSERT INTO ${vod_slices} (part_id, n, size, etag)
    SELECT ${partId}, value ->> 'n', value ->> 'size', value ->> 'etag' FROM json_each(${JSON.stringify(slices)})
    WHERE ${stillUploading(partId)}
    ON CONFLICT (part_id, n) DO UPDATE SET size = excluded.size, etag = excluded.etag`);

const runsStatement = (ctx: Ctx, partId: string, first: number, runs: readonly Run[]) =>
  ctx.db.run(sql`
    INSERT INTO ${vod_runs} (part_id, first, runs)
    SELECT ${partId}, ${first}, ${JSON.stringify(runs)} WHERE ${stillUploading(partId)}
    ON CONFLICT (part_id, first) DO UPDATE SET runs = excluded.runs
    WHERE json_array_length(excluded.runs) > json_array_length(${vod_runs.runs})`);

const bad = (message: string) => new ApiError("invalid_request", message);
