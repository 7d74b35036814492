/** Who may enter a channel, and as what. */
import type { Standing } from "#contract/chat-rpc";
import { atLeast } from "../identity/roles.ts";
import type { ChannelRow } from "./rows.ts";
import type { Visitor } from "./visitor.ts";

/** Null: the visitor may not enter. `by_live_key`: they hold the stream's own key, which opens it to anybody. */
export function standingIn(row: ChannelRow, visitor: Visitor, by_live_key = false): Standing | null {
  const { stream, member_role } = row;
  if (visitor.stream_id !== null && visitor.stream_id !== stream?.id) return null;
  const mayEnter = stream ? by_live_key || mayWatch(stream, visitor) : mayJoin(row, visitor);
  if (!mayEnter) return null;
  if (visitor.user_id === null) return "guest";
  const moderates =
    atLeast(visitor.role, "moderator") || member_role === "moderator" || stream?.user_id === visitor.user_id;
  return moderates ? "moderator" : "member";
}

function mayWatch(stream: NonNullable<ChannelRow["stream"]>, { user_id, role }: Visitor): boolean {
  if (stream.is_public === 1) return user_id !== null || stream.allow_unauthenticated === 1;
  return stream.user_id === user_id || atLeast(role, "admin");
}

function mayJoin({ channel, member_role }: ChannelRow, { user_id, role }: Visitor): boolean {
  if (user_id === null) return false;
  return channel.visibility === "public" || member_role !== null || atLeast(role, "moderator");
}
