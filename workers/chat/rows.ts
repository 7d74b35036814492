/** A channel as it is read from the database with its stream and the visitor's membership. */
import { and, eq, type SQL, sql } from "drizzle-orm";
import type { MemberRole } from "#contract/chat";
import { chat_channels, chat_members } from "#tables/chat";
import { streams } from "#tables/streams";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import type { Visitor } from "./visitor.ts";

export const STREAM_COLUMNS = {
  id: streams.id,
  title: streams.title,
  public_key: streams.public_key,
  user_id: streams.user_id,
  is_public: streams.is_public,
  allow_unauthenticated: streams.allow_unauthenticated,
  is_live: streams.is_live,
  live_version: streams.live_version,
};

export type ChannelRow = {
  channel: typeof chat_channels.$inferSelect;
  stream: Pick<typeof streams.$inferSelect, keyof typeof STREAM_COLUMNS> | null;
  member_role: MemberRole | null;
};

/** Condition of the join with the visitor's own membership. */
export const membership = ({ user_id }: Pick<Visitor, "user_id">): SQL | undefined =>
  // Nobody has the id 0.
  and(eq(chat_members.channel_id, chat_channels.id), eq(chat_members.user_id, user_id ?? 0));

/** One query. */
export function findChannelRow(
  ctx: Ctx,
  where: SQL,
  visitor: Pick<Visitor, "user_id">,
): Promise<ChannelRow | undefined> {
  return ctx.db
    .select({ channel: chat_channels, stream: STREAM_COLUMNS, member_role: chat_members.role })
    .from(chat_channels)
    .leftJoin(streams, eq(streams.id, chat_channels.stream_id))
    .leftJoin(chat_members, membership(visitor))
    .where(where)
    .get();
}

/** Throws `not_found`. */
export async function needChannelRow(ctx: Ctx, id: number, visitor: Pick<Visitor, "user_id">): Promise<ChannelRow> {
  const row = await findChannelRow(ctx, eq(chat_channels.id, id), visitor);
  if (!row) throw new ApiError("not_found", "No such channel");
  return row;
}

/** Each change of what a room is told takes the next version, in the same commit. */
export const nextVersion = sql`${chat_channels.version} + 1`;
