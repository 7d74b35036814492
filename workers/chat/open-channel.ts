import { eq, type SQL } from "drizzle-orm";
import type { ChannelConfig } from "#contract/chat";
import type { ChatIdentity, Standing } from "#contract/chat-rpc";
import { hashKey, keyPrefix } from "#kit/keys";
import { chat_channels } from "#tables/chat";
import { streams } from "#tables/streams";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { channelConfig } from "./channel-config.ts";
import { stillHolds } from "./identity.ts";
import { findChannelRow } from "./rows.ts";
import { standingIn } from "./standing.ts";
import { visitorOf } from "./visitor.ts";

export type ChannelRef = { name: string } | { id: number } | { stream_key: string };

/**
 * The channel for somebody who joins it. Throws `unauthenticated` when a guest may not enter, or what they name does not
 * exist, and to an account whose session has ended: the order to close its sockets may have come before this one;
 * `not_found` when it does not exist for the account; `bad_key`.
 */
export async function openChannel(
  ctx: Ctx,
  identity: ChatIdentity,
  ref: ChannelRef,
): Promise<{ config: ChannelConfig; standing: Standing }> {
  const visitor = visitorOf(identity);
  const { where, by_live_key } = await condition(ref);
  const [row, holds] = await Promise.all([
    findChannelRow(ctx, where, visitor),
    identity.kind === "guest" || stillHolds(ctx, identity),
  ]);
  if (!holds) throw new ApiError("unauthenticated");
  if (!row && "stream_key" in ref) throw new ApiError("bad_key");
  const standing = row ? standingIn(row, visitor, by_live_key) : null;
  if (row && standing) return { config: channelConfig(row), standing };
  if (visitor.user_id === null) throw new ApiError("unauthenticated", "Sign in to open this channel");
  throw new ApiError(
    "not_found",
    visitor.stream_id === null ? "No such channel" : "A stream key opens the channel of its own stream only",
  );
}

async function condition(ref: ChannelRef): Promise<{ where: SQL; by_live_key: boolean }> {
  if ("name" in ref) return { where: eq(chat_channels.name, ref.name), by_live_key: false };
  if ("id" in ref) return { where: eq(chat_channels.id, ref.id), by_live_key: false };
  switch (keyPrefix(ref.stream_key)) {
    case "live_":
      return { where: eq(streams.live_key_hash, await hashKey(ref.stream_key)), by_live_key: true };
    case "pub_":
      return { where: eq(streams.public_key, ref.stream_key), by_live_key: false };
    default:
      throw new ApiError("bad_key");
  }
}
