/** The parts of a VOD that can be played, in the order they play. */
import { and, asc, eq, inArray, isNotNull } from "drizzle-orm";
import { z } from "zod";
import { Run } from "#contract/recording";
import { vod_parts } from "#tables/vods";
import type { Ctx } from "../core/context.ts";

/** Without their runs, of which a long part has thousands. */
export const PART_COLUMNS = {
  id: vod_parts.id,
  vod_id: vod_parts.vod_id,
  epoch: vod_parts.epoch,
  n: vod_parts.n,
  object_key: vod_parts.object_key,
  started_at: vod_parts.started_at,
  duration_ms: vod_parts.duration_ms,
  size: vod_parts.size,
  width: vod_parts.width,
  height: vod_parts.height,
  codecs: vod_parts.codecs,
};
export type PlayablePart = Pick<typeof vod_parts.$inferSelect, keyof typeof PART_COLUMNS>;

export const isPlayable = () => and(inArray(vod_parts.state, ["done", "truncated"]), isNotNull(vod_parts.runs));
export const IN_ORDER = [asc(vod_parts.epoch), asc(vod_parts.n)] as const;

const Runs = z.array(Run);

/** With what is needed to address a part's media. */
export async function footageOf(ctx: Ctx, vodId: number) {
  const parts = await ctx.db
    .select({
      ...PART_COLUMNS,
      init_bytes: vod_parts.init_bytes,
      header_bytes: vod_parts.header_bytes,
      runs: vod_parts.runs,
    })
    .from(vod_parts)
    .where(and(eq(vod_parts.vod_id, vodId), isPlayable()))
    .orderBy(...IN_ORDER);
  return parts.map((part) => ({ ...part, runs: Runs.parse(part.runs) }));
}
