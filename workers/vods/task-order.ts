import { eq } from "drizzle-orm";
import { type TaskOrder, TaskSpec } from "#contract/tasks";
import type { jobs } from "#tables/media";
import { vods } from "#tables/vods";
import type { Ctx } from "../core/context.ts";
import { objectStore } from "../core/s3.ts";
import { choosePictures } from "./frames.ts";
import { storyboardKey, thumbnailKey } from "./object-keys.ts";
import { footageOf } from "./playable-parts.ts";

/** An attempt is over long before. */
const ADDRESSES_LIFETIME_S = 3600;
const JPEG = "image/jpeg";

/** What a worker is told to do for this job. Null: there is nothing to do (any more). */
export async function taskOrder(
  ctx: Ctx,
  job: Pick<typeof jobs.$inferSelect, "kind" | "spec">,
): Promise<TaskOrder | null> {
  const { vod_id, stream_id, session } = TaskSpec.parse(job.spec);
  switch (job.kind) {
    case "finish":
      return { kind: "finish", stream_id, session };
    case "thumbnail":
      return vod_id === undefined ? null : thumbnailOrder(ctx, vod_id);
    case "ingest":
      return null;
  }
}

/** Null when the VOD is gone, or has no picture in it. */
async function thumbnailOrder(ctx: Ctx, vodId: number): Promise<TaskOrder | null> {
  const vod = await ctx.db.select({ public_id: vods.public_id }).from(vods).where(eq(vods.id, vodId)).get();
  if (!vod) return null;
  const parts = await footageOf(ctx, vodId);
  const pictures = choosePictures(parts);
  if (!pictures) return null;

  const store = objectStore(ctx);
  const used = [...new Set([pictures.poster, ...pictures.frames].map(({ source }) => source))];
  const sources = await Promise.all(
    used.map(async (source) => {
      const part = parts[source];
      if (!part) throw new Error("a frame is of no part");
      const url = await store.presignGet(part.object_key, { seconds: ADDRESSES_LIFETIME_S, to: "internal" });
      return { url, init_bytes: part.init_bytes };
    }),
  );
  const put = (key: string) => store.presignPut(key, { seconds: ADDRESSES_LIFETIME_S, contentType: JPEG });
  const fromUsed = <T extends { source: number }>(frame: T) => ({ ...frame, source: used.indexOf(frame.source) });
  const { columns, rows, tile_width, tile_height } = pictures.storyboard;
  return {
    kind: "thumbnail",
    sources,
    poster: fromUsed(pictures.poster),
    frames: pictures.frames.map(fromUsed),
    storyboard: { columns, rows, tile_width, tile_height },
    put_poster: await put(thumbnailKey(vod.public_id)),
    put_storyboard: await put(storyboardKey(vod.public_id)),
  };
}
