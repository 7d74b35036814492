import { and, eq } from "drizzle-orm";
import type { Vod } from "#contract/vods";
import { vods } from "#tables/vods";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { accountOf } from "../core/operation.ts";
import { findVodRow, ownedBy, type VodRow } from "./rows.ts";
import { ownVodToKeep } from "./shown.ts";

/** `GET /api/library/{id}`, with download addresses. Throws `not_found`. */
export async function getVod(ctx: Ctx, id: number): Promise<Vod> {
  return ownVodToKeep(ctx, await findOwnVod(ctx, id));
}

/** Somebody else's VOD is as unknown as one that does not exist: `not_found`. */
export async function findOwnVod(ctx: Ctx, id: number): Promise<VodRow> {
  const row = await findVodRow(ctx, and(eq(vods.id, id), ownedBy(accountOf(ctx))));
  if (!row) throw new ApiError("not_found", "No such recording");
  return row;
}
