import { asc, eq } from "drizzle-orm";
import { z } from "zod";
import { Run } from "#contract/recording";
import { vod_parts, vod_runs, vod_slices } from "#tables/vods";
import { commit } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { log } from "../core/log.ts";
import { objectStore, REFUSES_SLICES, S3Error } from "../core/s3.ts";
import { doomStatement } from "./doomed.ts";
import { closePart, isGoneForGood, type PartRow } from "./recorded-parts.ts";

type Slices = { n: number; size: number; etag: string }[];
type Upload = PartRow & { upload_id: string };

/**
 * Completes a part whose media worker does not have it or does not come: an object of the slices without a hole that
 * were uploaded, played up to the last run that lies wholly in them. Without one it is failed. May be repeated; throws
 * `S3Error` when it is to be tried again. The caller settles the VOD.
 */
export async function truncatePart(ctx: Ctx, partId: string): Promise<void> {
  const part = await ctx.db.select().from(vod_parts).where(eq(vod_parts.id, partId)).get();
  if (part?.state !== "uploading") return;
  const reported = await reportedRuns(ctx, partId);
  const size = part.upload_id === null ? null : await makeObject(ctx, { ...part, upload_id: part.upload_id }, reported);
  const runs = size === null ? [] : runsWithin(part, reported, size);
  if (size === null || runs.length === 0) {
    const closed = await closePart(ctx, part, "failed");
    if (closed) await commit(ctx, [doomStatement(ctx, part.object_key, part.upload_id)], []);
  } else {
    const duration_ms = runs.reduce((sum, [, ms]) => sum + ms, 0);
    await closePart(ctx, part, "truncated", { size, duration_ms, runs });
  }
  log("warn", "a recording was cut short", { part_id: partId, kept_bytes: size, runs: runs.length });
}

/** The size of the object, or null when nothing of the part can be had. */
async function makeObject(ctx: Ctx, part: Upload, runs: readonly Run[]): Promise<number | null> {
  const slices = await uploadedSlices(ctx, part);
  const uploaded = slices.reduce((sum, slice) => sum + slice.size, 0);
  const store = objectStore(ctx);
  try {
    // An object of which nothing can be played is not made.
    if (runsWithin(part, runs, uploaded).length === 0) return null;
    await store.completeUpload(part.object_key, part.upload_id, slices);
    return uploaded;
  } catch (error) {
    if (!(error instanceof S3Error)) throw error;
    if (REFUSES_SLICES.has(error.code)) return null;
    if (error.code !== "NoSuchUpload") throw error;
    // Made before, by this or by the worker's own call.
    const object = await store.head(part.object_key);
    if (!object && !isGoneForGood(ctx, part)) throw error;
    return object?.size ?? null;
  }
}

/** From the first one on, without a hole. What S3 says counts more than what the worker managed to say. */
async function uploadedSlices(ctx: Ctx, part: Upload): Promise<Slices> {
  const listed = await objectStore(ctx).listSlices(part.object_key, part.upload_id);
  const slices =
    listed ??
    (await ctx.db
      .select({ n: vod_slices.n, size: vod_slices.size, etag: vod_slices.etag })
      .from(vod_slices)
      .where(eq(vod_slices.part_id, part.id))
      .orderBy(asc(vod_slices.n)));
  const hole = slices.findIndex((slice, index) => slice.n !== index + 1);
  return hole < 0 ? slices : slices.slice(0, hole);
}

const Runs = z.array(Run);

/** Chunks may have come twice, in other pieces. */
async function reportedRuns(ctx: Ctx, partId: string): Promise<Run[]> {
  const chunks = await ctx.db
    .select({ first: vod_runs.first, runs: vod_runs.runs })
    .from(vod_runs)
    .where(eq(vod_runs.part_id, partId))
    .orderBy(asc(vod_runs.first));
  const runs: Run[] = [];
  for (const chunk of chunks) {
    if (chunk.first > runs.length) break;
    runs.push(...Runs.parse(chunk.runs).slice(runs.length - chunk.first));
  }
  return runs;
}

/** Those of which every byte is in an object of this size. */
function runsWithin({ header_bytes }: PartRow, runs: readonly Run[], size: number): Run[] {
  let end = header_bytes;
  const beyond = runs.findIndex(([bytes]) => {
    end += bytes;
    return end > size;
  });
  return beyond < 0 ? [...runs] : runs.slice(0, beyond);
}
