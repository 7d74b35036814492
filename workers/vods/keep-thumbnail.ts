import { eq } from "drizzle-orm";
import { vods } from "#tables/vods";
import type { Ctx } from "../core/context.ts";
import { choosePictures } from "./frames.ts";
import { footageOf } from "./playable-parts.ts";

/** The VOD's thumbnail and storyboard are in the bucket: from now on they are shown. */
export async function keepThumbnail(ctx: Ctx, vodId: number): Promise<void> {
  // Nothing else than the parts says which frames were ordered; when they change, so do the pictures, by another task.
  const pictures = choosePictures(await footageOf(ctx, vodId));
  if (!pictures) return;
  await ctx.db
    .update(vods)
    .set({ has_thumbnail: 1, storyboard: pictures.storyboard, updated_at: ctx.now() })
    .where(eq(vods.id, vodId));
}
