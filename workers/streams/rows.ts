/** A stream as it is read from the database with its owner and channel, and as the API shows it. */
import { eq, type SQL } from "drizzle-orm";
import { type Actor, isAdminRole } from "#contract/identity";
import type { Stream } from "#contract/streams";
import { grants } from "#kit/scopes";
import { chat_channels } from "#tables/chat";
import { users } from "#tables/identity";
import { streams } from "#tables/streams";
import type { Ctx } from "../core/context.ts";
import { logFailure } from "../core/log.ts";
import { unseal } from "../core/seal.ts";
import { playbackRoute } from "./playback-route.ts";

const COLUMNS = {
  stream: streams,
  owner_username: users.username,
  owner_nickname: users.nickname,
  chat_channel_name: chat_channels.name,
};

/** Streams with their owner and channel, ready for `where`, `orderBy` and `limit`. */
export function selectStreams(ctx: Ctx, where: SQL | undefined) {
  return ctx.db
    .select(COLUMNS)
    .from(streams)
    .innerJoin(users, eq(users.id, streams.user_id))
    .leftJoin(chat_channels, eq(chat_channels.id, streams.chat_channel_id))
    .where(where)
    .$dynamic();
}

export type StreamRow = {
  stream: typeof streams.$inferSelect;
  owner_username: string;
  owner_nickname: string | null;
  chat_channel_name: string | null;
};

/** A stream key acts for its own stream only. */
export function owns(actor: Actor, stream: { id: number; user_id: number }): boolean {
  switch (actor.kind) {
    case "user":
    case "api_key":
      return actor.id === stream.user_id;
    case "stream_key":
      return actor.stream_id === stream.id;
    case "app_token":
    case "media_worker":
    case "system":
    case "anonymous":
      return false;
  }
}

/** Sees what is private to others: an admin whose session or key is not narrowed to less. */
export function isAdmin(actor: Actor): boolean {
  return (
    (actor.kind === "user" || actor.kind === "api_key") && isAdminRole(actor.role) && grants(actor.scopes, "admin")
  );
}

/** What its owner sets, and an edit compares. */
export const settingsOf = ({
  title,
  description,
  is_public,
  allow_unauthenticated,
  rtmp_enabled,
  record,
}: Settings) => ({
  title,
  description,
  is_public,
  allow_unauthenticated,
  rtmp_enabled,
  record,
});
type Settings = Pick<
  StreamRow["stream"],
  "title" | "description" | "is_public" | "allow_unauthenticated" | "rtmp_enabled" | "record"
>;

const iso = (time: number | null) => (time === null ? null : new Date(time).toISOString());
const bit = (value: number): 0 | 1 => (value === 0 ? 0 : 1);
export const liveState = (value: number): 0 | 1 | 2 => (value === 1 || value === 2 ? value : 0);

/** Playback URLs always carry the `pub_` key: a URL is copied about, a `live_` key publishes. */
export const hlsUrl = (ctx: Ctx, publicKey: string) => `${ctx.origin()}/api/stream/${publicKey}/hls/index.m3u8`;

/** For anybody: without the key that publishes. */
export function shownStream(
  ctx: Ctx,
  { stream, owner_username, owner_nickname, chat_channel_name }: StreamRow,
): Stream {
  return {
    id: stream.id,
    user_id: stream.user_id,
    title: stream.title,
    name: stream.title,
    description: stream.description,
    public_key: stream.public_key,
    is_public: bit(stream.is_public),
    is_live: liveState(stream.is_live),
    viewer_count: stream.viewer_count,
    total_views: stream.total_views,
    chat_channel_id: stream.chat_channel_id,
    chat_channel_name,
    thumbnail_url: stream.thumbnail_url,
    allow_unauthenticated: bit(stream.allow_unauthenticated),
    rtmp_enabled: bit(stream.rtmp_enabled),
    record: bit(stream.record),
    playback_urls: { hls: hlsUrl(ctx, stream.public_key), webrtc: null },
    started_at: iso(stream.started_at),
    ended_at: iso(stream.ended_at),
    created_at: new Date(stream.created_at).toISOString(),
    updated_at: new Date(stream.updated_at).toISOString(),
    owner_username,
    owner_nickname,
  };
}

/** For its owner: with the key, where to publish, and what is wrong with what is published. */
export async function ownStream(ctx: Ctx, row: StreamRow): Promise<Stream> {
  const [stream_key, warnings] = await Promise.all([
    unseal(ctx.settings, "stream-key", row.stream.live_key_sealed),
    row.stream.is_live === 1 ? warningsOf(ctx, row.stream.id) : [],
  ]);
  return { ...shownStream(ctx, row), stream_key, ingest_url: ctx.settings.rtmpUrl, warnings };
}

async function warningsOf(ctx: Ctx, streamId: number): Promise<string[]> {
  try {
    return (await playbackRoute(ctx, streamId)).warnings;
  } catch (error) {
    // The stream is shown without them rather than not at all.
    logFailure("a stream does not tell its warnings", error, { stream_id: streamId, request_id: ctx.requestId });
    return [];
  }
}
