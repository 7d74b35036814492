import type { ChannelConfig } from "#contract/chat";
import type { Ctx } from "../core/context.ts";
import { liveState } from "../streams/rows.ts";
import { type ChannelRow, needChannelRow } from "./rows.ts";

/** What the channel's room is told. */
export function channelConfig({ channel, stream }: ChannelRow): ChannelConfig {
  const { id, version, name, topic, mode, slowmode_seconds } = channel;
  return {
    id,
    version,
    name,
    ...shownChannel({ channel, stream }),
    topic,
    mode,
    slowmode_seconds,
    stream: stream && {
      id: stream.id,
      title: stream.title,
      public_key: stream.public_key,
      user_id: stream.user_id,
      is_public: stream.is_public === 1,
      allow_unauthenticated: stream.allow_unauthenticated === 1,
      is_live: liveState(stream.is_live),
      live_version: stream.live_version,
    },
  };
}

/** A stream's channel is shown with the title and visibility that the stream has now. */
export function shownChannel({
  channel,
  stream,
}: Pick<ChannelRow, "channel" | "stream">): Pick<ChannelConfig, "description" | "visibility"> {
  if (!stream) return { description: channel.description, visibility: channel.visibility };
  return {
    description: channel.description || `Chat of the stream ${stream.title}`,
    visibility: stream.is_public === 1 ? "public" : "private",
  };
}

/** Throws `not_found`. */
export const readConfig = async (ctx: Ctx, id: number): Promise<ChannelConfig> =>
  channelConfig(await needChannelRow(ctx, id, { user_id: null }));
