import { and, eq, exists, inArray, sql } from "drizzle-orm";
import type { PublicVod } from "#contract/vods";
import { streams } from "#tables/streams";
import { vod_parts, vods } from "#tables/vods";
import type { Ctx } from "../core/context.ts";
import { isPlayable } from "./playable-parts.ts";
import { findVodRows } from "./rows.ts";
import { publicVod } from "./shown.ts";

/** The list has no pages. */
const LIST_MAX = 100;

/** `GET /api/vod?stream=`: what anybody may watch of a public stream, newest first. Of any other there is nothing. */
export async function listPublicVods(ctx: Ctx, publicKey: string): Promise<PublicVod[]> {
  const stream = ctx.db
    .select({ id: streams.id })
    .from(streams)
    .where(and(eq(streams.public_key, publicKey), eq(streams.is_public, 1)));
  const playable = ctx.db
    .select({ one: sql`1` })
    .from(vod_parts)
    .where(and(eq(vod_parts.vod_id, vods.id), isPlayable()));
  const where = and(
    inArray(vods.stream_id, stream),
    eq(vods.visibility, "public"),
    inArray(vods.status, ["processing", "ready", "truncated"]),
    exists(playable),
  );
  const { rows } = await findVodRows(ctx, where, { limit: LIST_MAX, offset: 0 });
  return rows.map((row) => publicVod(ctx, row, ""));
}
