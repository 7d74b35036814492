/** A VOD as it is read from the database with its owner, its stream and its playable parts. */
import { and, count, desc, eq, inArray, type SQL, sql } from "drizzle-orm";
import type { AccountActor, Actor } from "#contract/identity";
import { users } from "#tables/identity";
import { streams } from "#tables/streams";
import { vod_parts, vods } from "#tables/vods";
import type { Ctx } from "../core/context.ts";
import { IN_ORDER, isPlayable, PART_COLUMNS, type PlayablePart } from "./playable-parts.ts";

/** A batch of D1 finds columns by their names alone: those of the stream need names that the VOD has not. */
const COLUMNS = {
  vod: vods,
  owner_username: users.username,
  joined_stream_id: sql<number | null>`${streams.id}`.as("joined_stream_id"),
  /** What the stream is called today is told of a public one only, like its key. */
  stream_title: sql<string | null>`CASE ${streams.is_public} WHEN 1 THEN ${streams.title} END`.as("stream_title"),
  stream_public_key: sql<string | null>`CASE ${streams.is_public} WHEN 1 THEN ${streams.public_key} END`.as(
    "stream_public_key",
  ),
};

export type VodRow = {
  vod: typeof vods.$inferSelect;
  owner_username: string;
  /** Null once the stream is deleted. */
  joined_stream_id: number | null;
  /** Null of a stream that is not public, both. */
  stream_title: string | null;
  stream_public_key: string | null;
  /** Those that can be played, in order. */
  parts: PlayablePart[];
};

const selectVods = (ctx: Ctx, where: SQL | undefined) =>
  ctx.db
    .select(COLUMNS)
    .from(vods)
    .innerJoin(users, eq(users.id, vods.user_id))
    .leftJoin(streams, eq(streams.id, vods.stream_id))
    .where(where);

const selectParts = (ctx: Ctx, where: SQL | undefined) =>
  ctx.db
    .select(PART_COLUMNS)
    .from(vod_parts)
    .where(and(where, isPlayable()))
    .orderBy(...IN_ORDER);

const NEWEST_FIRST = [desc(vods.started_at), desc(vods.id)] as const;

/** In one trip to the database, like the others here. */
export async function findVodRow(ctx: Ctx, where: SQL | undefined): Promise<VodRow | undefined> {
  const ids = ctx.db.select({ id: vods.id }).from(vods).where(where);
  const [[row], parts] = await ctx.db.batch([selectVods(ctx, where), selectParts(ctx, inArray(vod_parts.vod_id, ids))]);
  return row && { ...row, parts };
}

/** One page, newest first, and how many there are on all pages. */
export async function findVodRows(
  ctx: Ctx,
  where: SQL | undefined,
  { limit, offset }: { limit: number; offset: number },
): Promise<{ rows: VodRow[]; total: number }> {
  const page = ctx.db
    .select({ id: vods.id })
    .from(vods)
    .where(where)
    .orderBy(...NEWEST_FIRST)
    .limit(limit)
    .offset(offset);
  const [rows, [counted], parts] = await ctx.db.batch([
    selectVods(ctx, where)
      .orderBy(...NEWEST_FIRST)
      .limit(limit)
      .offset(offset),
    ctx.db.select({ total: count() }).from(vods).where(where),
    selectParts(ctx, inArray(vod_parts.vod_id, page)),
  ]);
  const byVod = Map.groupBy(parts, (part) => part.vod_id);
  return {
    rows: rows.map((row) => ({ ...row, parts: byVod.get(row.vod.id) ?? [] })),
    total: counted?.total ?? 0,
  };
}

/** The VODs that are the account's; a stream key acts for its own stream only. */
export const ownedBy = (account: AccountActor): SQL | undefined =>
  account.kind === "stream_key"
    ? and(eq(vods.user_id, account.id), eq(vods.stream_id, account.stream_id))
    : eq(vods.user_id, account.id);

/** The same for a row that is here already. */
export function owns(actor: Actor, { user_id, stream_id }: VodRow["vod"]): boolean {
  switch (actor.kind) {
    case "user":
    case "api_key":
      return actor.id === user_id;
    case "stream_key":
      return actor.id === user_id && actor.stream_id === stream_id;
    case "app_token":
    case "media_worker":
    case "system":
    case "anonymous":
      return false;
  }
}
