/** The three lists: one's own, what the signed-in may watch, what anybody may watch. */
import { and, desc, eq, sql } from "drizzle-orm";
import type { Stream } from "#contract/streams";
import { streams } from "#tables/streams";
import type { Ctx } from "../core/context.ts";
import { accountOf } from "../core/operation.ts";
import { ownStream, selectStreams, shownStream } from "./rows.ts";

/** The lists have no pages; what is beyond this many is not shown. */
const LIST_MAX = 500;
const LIVE = 1;

/** Newest first, with keys. */
export async function listOwnStreams(ctx: Ctx): Promise<Stream[]> {
  const account = accountOf(ctx);
  const mine = account.kind === "stream_key" ? eq(streams.id, account.stream_id) : eq(streams.user_id, account.id);
  const rows = await selectStreams(ctx, mine).orderBy(desc(streams.created_at), desc(streams.id)).limit(LIST_MAX);
  return Promise.all(rows.map((row) => ownStream(ctx, row)));
}

/** Live, encoding, offline; then by viewers. */
export async function listPublicStreams(ctx: Ctx, { liveOnly }: { liveOnly: boolean }): Promise<Stream[]> {
  const rows = await selectStreams(ctx, and(eq(streams.is_public, 1), liveOnly ? eq(streams.is_live, LIVE) : undefined))
    .orderBy(
      sql`CASE ${streams.is_live} WHEN 1 THEN 0 WHEN 2 THEN 1 ELSE 2 END`,
      desc(streams.viewer_count),
      desc(streams.id),
    )
    .limit(LIST_MAX);
  return rows.map((row) => shownStream(ctx, row));
}

/** For guests: public, live, and open to those without an account. */
export async function listOpenStreams(ctx: Ctx): Promise<Stream[]> {
  const open = and(eq(streams.is_public, 1), eq(streams.allow_unauthenticated, 1), eq(streams.is_live, LIVE));
  const rows = await selectStreams(ctx, open).orderBy(desc(streams.viewer_count), desc(streams.id)).limit(LIST_MAX);
  return rows.map((row) => shownStream(ctx, row));
}
