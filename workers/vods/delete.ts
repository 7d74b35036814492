import { and, eq, ne, type SQL, sql } from "drizzle-orm";
import { doomed_objects, vod_parts, vods } from "#tables/vods";
import { liveStream } from "../../durable-objects/stubs.ts";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { logFailure } from "../core/log.ts";
import { tellLiveStream } from "../streams/live-orders.ts";
import { findOwnVod } from "./get.ts";
import { storyboardKey, thumbnailKey } from "./object-keys.ts";
import { removeDoomed } from "./remove-doomed.ts";

type Doomed = Pick<typeof vods.$inferSelect, "id" | "user_id" | "title" | "public_id" | "stream_id" | "session">;

/** `DELETE /api/library/{id}`. Throws `not_found`, `still_recording`. */
export async function deleteVod(ctx: Ctx, id: number): Promise<void> {
  const { vod } = await findOwnVod(ctx, id);
  if (!(await removeVod(ctx, vod, ne(vods.status, "recording")))) {
    // It changed since it was read.
    await findOwnVod(ctx, id);
    throw new ApiError("still_recording", "It is still being recorded: end the broadcast first");
  }
  ctx.waitUntil(removeDoomed(ctx).catch((error) => logFailure("removal failed; the sweep goes on", error)));
}

/**
 * The row with its parts, if `only` holds of it; what they left in the bucket is doomed, for `removeDoomed`. False: it
 * does not hold, or somebody else was first.
 */
export async function removeVod(ctx: Ctx, vod: Doomed, only?: SQL): Promise<boolean> {
  const { id } = vod;
  // In one transaction: the guard marks the row, what follows is done for a marked row only, and nobody sees the mark.
  const mark = `deleted ${crypto.randomUUID()}`;
  const marked = and(eq(vods.id, id), eq(vods.error, mark));
  const guard = ctx.db
    .update(vods)
    .set({ error: mark })
    .where(and(eq(vods.id, id), eq(vods.user_id, vod.user_id), only))
    .returning({ status: vods.status });
  const doom = (key: unknown, upload: unknown, from: ReturnType<typeof sql>) =>
    ctx.db.run(sql`
      INSERT INTO ${doomed_objects} (key, upload_id, created_at)
      SELECT ${key}, ${upload}, ${ctx.now()} FROM ${from} WHERE ${marked}
      ON CONFLICT (key) DO NOTHING`);
  const parts = sql`${vod_parts} INNER JOIN ${vods} ON ${vods.id} = ${vod_parts.vod_id}`;
  const [removed] = await commitIf(
    ctx,
    guard,
    [{ action: "vod_delete", target: { type: "vod", id, name: vod.title } }],
    [],
    [
      doom(vod_parts.object_key, vod_parts.upload_id, parts),
      doom(thumbnailKey(vod.public_id), null, sql`${vods}`),
      doom(storyboardKey(vod.public_id), null, sql`${vods}`),
      ctx.db.delete(vods).where(marked),
    ],
  );
  if (!removed) return false;
  const { stream_id, session } = vod;
  if (stream_id !== null && removed.status === "processing") {
    // Nothing is left to wait for.
    await tellLiveStream(ctx, stream_id, "recorded", () => liveStream(ctx.env, stream_id).recorded(session));
  }
  return true;
}
