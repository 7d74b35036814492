/** The channel that somebody wants to go to, by whatever they know of it. */
import type { ClientFrame } from "#contract/chat-frames";

export type ChannelRef = { name: string } | { id: number } | { stream_key: string };

/** The most exact of what a `join` names; `general` when it names nothing. */
export function refOf({ channel, channel_id, stream_key }: Extract<ClientFrame, { type: "join" }>): ChannelRef {
  if (stream_key !== undefined) return { stream_key };
  if (channel_id !== undefined) return { id: channel_id };
  return { name: channel ?? "general" };
}
