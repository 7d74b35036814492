import { and, eq } from "drizzle-orm";
import type { Vod, VodStatus } from "#contract/vods";
import { vods } from "#tables/vods";
import type { Ctx } from "../core/context.ts";
import { accountOf } from "../core/operation.ts";
import { findVodRows, ownedBy } from "./rows.ts";
import { ownVod } from "./shown.ts";

export type LibraryQuery = {
  stream_id?: number | undefined;
  status?: VodStatus | undefined;
  limit: number;
  offset: number;
};

/** `GET /api/library`: one's own, newest first. */
export async function listVods(ctx: Ctx, query: LibraryQuery): Promise<{ vods: Vod[]; total: number }> {
  const where = and(
    ownedBy(accountOf(ctx)),
    query.stream_id === undefined ? undefined : eq(vods.stream_id, query.stream_id),
    query.status && eq(vods.status, query.status),
  );
  const { rows, total } = await findVodRows(ctx, where, query);
  return { vods: await Promise.all(rows.map((row) => ownVod(ctx, row))), total };
}
