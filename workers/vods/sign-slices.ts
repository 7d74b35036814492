import { eq } from "drizzle-orm";
import { SIGN_LIFETIME_S, type SignReply, type SignSlices } from "#contract/recording";
import { vod_parts } from "#tables/vods";
import type { Ctx } from "../core/context.ts";
import { objectStore } from "../core/s3.ts";
import { discarded, findPart } from "./recorded-parts.ts";
import { uploadOf } from "./uploads.ts";

const SLICES_MAX = 10_000;

/** Where a part's slices are to be `PUT`. Throws `not_found` when it is another worker's, `storage_unavailable`. */
export async function signSlices(ctx: Ctx, workerId: string, { part_id, from, count }: SignSlices): Promise<SignReply> {
  const part = await findPart(ctx, workerId, part_id);
  if (part?.state !== "uploading") return discarded("deleted");
  const uploadId = await uploadOf(ctx, part);
  if (uploadId === null) return discarded("deleted");
  const store = objectStore(ctx);
  const expires_at = ctx.now() + SIGN_LIFETIME_S * 1000;
  const numbers = Array.from({ length: Math.min(count, SLICES_MAX - from + 1) }, (_, index) => from + index);
  const urls = await Promise.all(
    numbers.map(async (n) => ({ n, url: await store.presignSlice(part.object_key, uploadId, n, SIGN_LIFETIME_S) })),
  );
  await ctx.db.update(vod_parts).set({ updated_at: ctx.now() }).where(eq(vod_parts.id, part_id));
  return { keep: true, urls, expires_at };
}
