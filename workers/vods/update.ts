import { and, eq } from "drizzle-orm";
import type { Vod, VodUpdate } from "#contract/vods";
import { vods } from "#tables/vods";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { findOwnVod, getVod } from "./get.ts";

/** `PUT /api/library/{id}`, partial. Throws `not_found`. */
export async function updateVod(ctx: Ctx, id: number, update: VodUpdate): Promise<Vod> {
  const { vod } = await findOwnVod(ctx, id);
  const changes = Object.fromEntries(Object.entries(update).filter(([, value]) => value !== undefined));
  const write = ctx.db
    .update(vods)
    .set({ ...changes, updated_at: ctx.now() })
    .where(and(eq(vods.id, id), eq(vods.user_id, vod.user_id)))
    .returning({ id: vods.id });
  const target = { type: "vod", id, name: update.title ?? vod.title };
  await commitIf(ctx, write, [{ action: "vod_update", target, details: changes }]);
  return getVod(ctx, id);
}
