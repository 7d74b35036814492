/** Who may stay in a channel as its settings are now, as far as that can be said without asking D1. */
import type { ChannelConfig } from "#contract/chat";
import type { ChatUser } from "#contract/chat-frames";
import type { ChatIdentity } from "#contract/chat-rpc";
import type { Place } from "./seat.ts";

/** False: D1 knows. */
export function mayStay(config: ChannelConfig, identity: ChatIdentity, place: Place): boolean {
  const { stream, visibility } = config;
  if (place.by_key) return true;
  if (!stream) return visibility === "public" && identity.kind === "user";
  if (!stream.is_public) return false;
  return identity.kind === "user" || stream.allow_unauthenticated;
}

/** Nobody speaks or shares a screen in a room that they have only just come to. */
export const roomUser = ({
  profile,
  user_id,
  status,
  status_message,
}: Extract<ChatIdentity, { kind: "user" }>): ChatUser => ({
  ...profile,
  user_id,
  status,
  status_message,
  last_seen_at: null,
  in_voice: false,
  voice_muted: false,
  voice_deafened: false,
  voice_speaking: false,
  screen_sharing: false,
});
