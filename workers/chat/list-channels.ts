import { and, desc, eq, isNotNull, isNull, or, type SQL } from "drizzle-orm";
import { alias } from "drizzle-orm/sqlite-core";
import type { Channel } from "#contract/chat";
import { chat_channels, chat_members, chat_reads } from "#tables/chat";
import { users } from "#tables/identity";
import { streams } from "#tables/streams";
import type { Ctx } from "../core/context.ts";
import { accountOf } from "../core/operation.ts";
import { atLeast } from "../identity/roles.ts";
import { liveState } from "../streams/rows.ts";
import { shownChannel } from "./channel-config.ts";
import { membership, STREAM_COLUMNS } from "./rows.ts";
import { countUnread } from "./unread.ts";
import { type Visitor, visitorOfActor } from "./visitor.ts";

/** The list has no pages; what is beyond this many is not shown. */
const LIST_MAX = 500;

const creators = alias(users, "creators");
const owners = alias(users, "owners");

/** `GET /api/chat/channels`: default ones first, then by name. One query, and each room that may have something unread. */
export async function listChannels(ctx: Ctx): Promise<Channel[]> {
  const visitor = visitorOfActor(accountOf(ctx));
  const rows = await ctx.db
    .select({
      channel: chat_channels,
      stream: STREAM_COLUMNS,
      creator: creators.username,
      owner: owners.username,
      read_seq: chat_reads.seq,
    })
    .from(chat_channels)
    .leftJoin(streams, eq(streams.id, chat_channels.stream_id))
    .leftJoin(creators, eq(creators.id, chat_channels.created_by))
    .leftJoin(owners, eq(owners.id, streams.user_id))
    .leftJoin(chat_members, membership(visitor))
    .leftJoin(
      chat_reads,
      and(eq(chat_reads.channel_id, chat_channels.id), eq(chat_reads.user_id, visitor.user_id ?? 0)),
    )
    .where(listed(visitor))
    .orderBy(desc(chat_channels.is_default), chat_channels.name)
    .limit(LIST_MAX);
  const unread = await Promise.all(rows.map(({ channel, read_seq }) => countUnread(ctx, channel, read_seq)));
  return rows.map(({ channel, stream, creator, owner }, index) => ({
    id: channel.id,
    name: channel.name,
    ...shownChannel({ channel, stream }),
    topic: channel.topic,
    is_default: channel.is_default === 1 ? 1 : 0,
    category: channel.category,
    slowmode_seconds: channel.slowmode_seconds,
    mode: channel.mode,
    created_by: channel.created_by,
    created_by_username: creator,
    created_at: new Date(channel.created_at).toISOString(),
    is_stream_channel: channel.stream_id !== null,
    unread_count: unread[index] ?? 0,
    ...(stream && {
      stream_id: stream.id,
      stream_is_live: liveState(stream.is_live),
      stream_public_key: stream.public_key,
      stream_owner: owner ?? "",
      stream_title: stream.title,
    }),
  }));
}

/** Admins see all; others what is public, what they were let into, and their own. */
function listed({ user_id, role, stream_id }: Visitor): SQL | undefined {
  if (stream_id !== null) return eq(chat_channels.stream_id, stream_id);
  if (atLeast(role, "admin")) return undefined;
  return or(
    and(isNull(chat_channels.stream_id), or(eq(chat_channels.visibility, "public"), isNotNull(chat_members.role))),
    eq(streams.is_public, 1),
    eq(streams.user_id, user_id ?? 0),
  );
}
