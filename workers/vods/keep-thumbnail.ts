import { eq } from "drizzle-orm";
import { vods } from "#tables/vods";
import type { Ctx } from "../core/context.ts";
import { objectStore } from "../core/s3.ts";
import { choosePictures } from "./frames.ts";
import { storyboardKey, thumbnailKey } from "./object-keys.ts";
import { footageOf } from "./playable-parts.ts";

/**
 * A media worker says that it has made the VOD's thumbnail and storyboard: what of them is in the bucket is shown from
 * now on. Throws `S3Error`.
 */
export async function keepThumbnail(ctx: Ctx, vodId: number): Promise<void> {
  const vod = await ctx.db.select({ public_id: vods.public_id }).from(vods).where(eq(vods.id, vodId)).get();
  // Nothing else than the parts says which frames were ordered; when they change, so do the pictures, by another task.
  const pictures = vod && choosePictures(await footageOf(ctx, vodId));
  if (!pictures) return;
  const store = objectStore(ctx);
  const thumbnail = await store.head(thumbnailKey(vod.public_id));
  const storyboard = await store.head(storyboardKey(vod.public_id));
  await ctx.db
    .update(vods)
    .set({
      has_thumbnail: thumbnail ? 1 : 0,
      storyboard: storyboard && pictures.storyboard,
      updated_at: ctx.now(),
    })
    .where(eq(vods.id, vodId));
}
