import { and, eq } from "drizzle-orm";
import type { Vod, VodUpdate } from "#contract/vods";
import { vods } from "#tables/vods";
import { commitIf } from "../core/commit.ts";
import { needMatch, stillIs } from "../core/conditional.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { findOwnVod, getVod } from "./get.ts";
import { settingsOf } from "./shown.ts";

/**
 * `PUT /api/library/{id}`, partial. Throws `not_found`; `precondition_failed` when its settings are not those that
 * `ifMatch` names.
 */
export async function updateVod(ctx: Ctx, id: number, update: VodUpdate, ifMatch: string | undefined): Promise<Vod> {
  const { vod } = await findOwnVod(ctx, id);
  const settings = settingsOf(vod);
  const compares = await needMatch(ifMatch, settings);
  const changes = Object.fromEntries(Object.entries(update).filter(([, value]) => value !== undefined));
  const write = ctx.db
    .update(vods)
    .set({ ...changes, updated_at: ctx.now() })
    .where(and(eq(vods.id, id), eq(vods.user_id, vod.user_id), compares ? stillIs(vods, settings) : undefined))
    .returning({ id: vods.id });
  const target = { type: "vod", id, name: update.title ?? vod.title };
  const written = await commitIf(ctx, write, [{ action: "vod_update", target, details: changes }]);
  if (written.length === 0 && compares) throw new ApiError("precondition_failed");
  return getVod(ctx, id);
}
