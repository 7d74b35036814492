/** The multipart upload behind a part that is being handed in. */
import { and, eq, isNull } from "drizzle-orm";
import { vod_parts } from "#tables/vods";
import type { Ctx } from "../core/context.ts";
import { logFailure } from "../core/log.ts";
import { objectStore } from "../core/s3.ts";
import type { PartRow } from "./recorded-parts.ts";

/**
 * Begins the upload of a part that has none: the row comes first, so that a crash in between leaves an upload without a
 * row, which the daily sweep finds, and never a part that can not go on. Null: the part is not being handed in any more.
 */
export async function uploadOf(
  ctx: Ctx,
  part: Pick<PartRow, "id" | "object_key" | "upload_id" | "width">,
): Promise<string | null> {
  if (part.upload_id !== null) return part.upload_id;
  const store = objectStore(ctx);
  const begun = await store.createUpload(part.object_key, part.width === null ? "audio/mp4" : "video/mp4");
  await ctx.db
    .update(vod_parts)
    .set({ upload_id: begun })
    .where(and(eq(vod_parts.id, part.id), isNull(vod_parts.upload_id), eq(vod_parts.state, "uploading")));
  const row = await ctx.db
    .select({ upload_id: vod_parts.upload_id })
    .from(vod_parts)
    .where(and(eq(vod_parts.id, part.id), eq(vod_parts.state, "uploading")))
    .get();
  // Another call was faster. The daily sweep would find this upload too.
  if (row?.upload_id !== begun) ctx.waitUntil(abort(ctx, part.object_key, begun));
  return row?.upload_id ?? null;
}

async function abort(ctx: Ctx, key: string, uploadId: string): Promise<void> {
  try {
    await objectStore(ctx).abortUpload(key, uploadId);
  } catch (error) {
    logFailure("an upload that nobody needs is left to the daily sweep", error, { key });
  }
}
