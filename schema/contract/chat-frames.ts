/**
 * The frames of `/ws/chat`: JSON objects tagged by `type`, in text frames of at most 64 KB.
 *
 * Every frame of a room carries `channel_id` and `rev`. A room's changes are numbered without gaps: each of
 * `Change`s has the next `rev` (`skipped` stands for one that shows nothing any more). All other frames of a room carry
 * the `rev` of the last change before them. A client that missed a number sends `resume` with the last it has, and gets
 * every change since, the channel as it is now, and `resumed`; or, when that is too long ago, what a join shows and
 * `resumed`.
 */
import * as z from "zod";
import {
  Avatar,
  ChannelMode,
  ChannelVisibility,
  ChatMessage,
  ChatProfile,
  Emoji,
  HISTORY_MAX,
  HISTORY_SHOWN,
  MessageText,
  Nonce,
  PinnedMessage,
  ReplyPreview,
} from "./chat.ts";
import { UserRole } from "./identity.ts";

const ID_RANGE = "must be a whole number above 0";
const Id = z.int({ error: ID_RANGE }).positive(ID_RANGE);
const REV_RANGE = "must be a whole number, 0 or more";
const LIMIT_RANGE = `must be a whole number from 1 to ${HISTORY_MAX}`;
const name = (most: number) => z.string({ error: "must be text" }).max(most, `must be at most ${most} characters`);
const says = (description: string) => ({ description });
const withNonce = { nonce: Nonce.optional() };

/** Client to server. One channel at a time: a `join` or `resume` of another one leaves the present one. */
export const ClientFrame = z.discriminatedUnion(
  "type",
  [
    z
      .object({
        type: z.literal("join"),
        channel: name(120).optional(),
        channel_id: Id.optional(),
        stream_key: name(200).optional(),
      })
      .meta(says("By one of the three; by none of them it is the channel `general`")),
    z.object({ type: z.literal("message"), message: MessageText, reply_to: Id.optional(), ...withNonce }),
    z.object({ type: z.literal("typing") }),
    z.object({ type: z.literal("delete"), message_id: Id, ...withNonce }),
    z.object({ type: z.literal("react"), message_id: Id, emoji: Emoji, ...withNonce }),
    z.object({ type: z.literal("edit_message"), message_id: Id, message: MessageText, ...withNonce }),
    z.object({ type: z.literal("pin_message"), message_id: Id, ...withNonce }),
    z.object({ type: z.literal("unpin_message"), message_id: Id, ...withNonce }),
    z.object({ type: z.literal("mark_read"), message_id: Id }),
    z.object({
      type: z.literal("history"),
      before_id: Id,
      limit: z.int({ error: LIMIT_RANGE }).min(1, LIMIT_RANGE).max(HISTORY_MAX, LIMIT_RANGE).default(HISTORY_SHOWN),
    }),
    z.object({
      type: z.literal("resume"),
      channel_id: Id,
      rev: z.int({ error: REV_RANGE }).min(0, REV_RANGE),
      stream_key: name(200).optional().meta(says("The key that a private stream's channel was joined by")),
    }),
    z
      .object({ type: z.literal("synced"), n: z.int({ error: "must be a whole number" }) })
      .meta(says("Answer to `sync`, with its `n`")),
    z.object({ type: z.literal("ping") }).meta(says('Exactly `{"type":"ping"}` is answered without waking anything')),
  ],
  { error: "unknown type" },
);
export type ClientFrame = z.infer<typeof ClientFrame>;

const room = {
  channel_id: z.int(),
  rev: z.int().meta(says("Of the last change of the channel, which may be this one")),
};
const nonce = z.string().optional().meta(says("As the one who did it chose it"));

const Message = z.object({
  type: z.literal("message"),
  ...room,
  ...ChatProfile.shape,
  id: z.int(),
  message: z.string(),
  created_at: z.string(),
  edited_at: z.string().nullable(),
  reply_to: z.int().optional(),
  reply_preview: ReplyPreview.nullable().optional(),
  nonce,
});
const MessageEdited = z.object({
  type: z.literal("message_edited"),
  ...room,
  message_id: z.int(),
  new_text: z.string(),
  message: z.string(),
  edited_at: z.string(),
  nonce,
});
const MessageDeleted = z.object({
  type: z.literal("message_deleted"),
  ...room,
  message_id: z.int(),
  deleted_by: z.int().nullable().meta(says("Null: an anonymous author")),
  nonce,
});
const ReactionUpdate = z.object({
  type: z.literal("reaction_update"),
  ...room,
  message_id: z.int(),
  emoji: z.string(),
  user_id: z.int().nullable().meta(says("Null: somebody anonymous")),
  username: z.string(),
  action: z.enum(["add", "remove"]),
  added: z.boolean(),
  count: z.int(),
  nonce,
});
const MessagePinned = z.object({
  type: z.literal("message_pinned"),
  ...room,
  message_id: z.int(),
  message: z.string(),
  username: z.string(),
  pinned_by: z.int(),
  pinned_by_username: z.string(),
  pinned_at: z.string(),
  nonce,
});
const MessageUnpinned = z.object({ type: z.literal("message_unpinned"), ...room, message_id: z.int(), nonce });
const ChannelRenamed = z.object({
  type: z.literal("channel_renamed"),
  ...room,
  old_name: z.string(),
  new_name: z.string(),
});
const ChannelUpdated = z
  .object({ type: z.literal("channel_updated"), ...room })
  .meta(says("Anything of the channel but its name; a `channel_info` comes after it"));
const ChannelCleared = z.object({
  type: z.literal("channel_cleared"),
  ...room,
  channel: z.string(),
  cleared_by: z.string(),
  message_count: z.int(),
});
const ChannelDeleted = z.object({ type: z.literal("channel_deleted"), ...room, channel: z.string() });
const StreamStatus = z.object({
  type: z.literal("stream_status"),
  ...room,
  stream_id: z.int(),
  is_live: z.union([z.literal(0), z.literal(1), z.literal(2)]),
});
const Skipped = z
  .object({ type: z.literal("skipped"), ...room, nonce })
  .meta(says("A change that shows nothing any more"));

/** What takes a number of its own. */
const CHANGES = [
  Message,
  MessageEdited,
  MessageDeleted,
  ReactionUpdate,
  MessagePinned,
  MessageUnpinned,
  ChannelRenamed,
  ChannelUpdated,
  ChannelCleared,
  ChannelDeleted,
  StreamStatus,
  Skipped,
] as const;
export const Change = z.discriminatedUnion("type", CHANGES);
export type Change = z.infer<typeof Change>;
export type MessageFrame = z.infer<typeof Message>;

export const CHANGE_TYPES: ReadonlySet<string> = new Set(CHANGES.map((schema) => schema.shape.type.value));

const ChannelInfo = z.object({
  type: z.literal("channel_info"),
  ...room,
  id: z.int(),
  name: z.string(),
  description: z.string(),
  topic: z.string(),
  visibility: ChannelVisibility,
  mode: ChannelMode,
  slowmode_seconds: z.int(),
  can_send: z.boolean(),
  can_moderate: z.boolean().meta(says("May delete what others wrote, and pin")),
  stream_id: z.int().optional(),
  stream_name: z.string().optional(),
  stream_is_live: z.union([z.literal(0), z.literal(1), z.literal(2)]).optional(),
  stream_public_key: z.string().optional(),
});
export type ChannelInfo = z.infer<typeof ChannelInfo>;
const History = z.object({
  type: z.literal("history"),
  ...room,
  messages: z.array(ChatMessage).meta(says("Oldest first")),
  has_more: z.boolean().meta(says("There is more before them")),
  before_id: z.int().optional().meta(says("Only in the answer to a `history` frame")),
});
const PinnedMessages = z.object({ type: z.literal("pinned_messages"), ...room, messages: z.array(PinnedMessage) });

export const ChatUser = z.object({
  ...ChatProfile.shape,
  status: z.string(),
  status_message: z.string(),
  last_seen_at: z.string().nullable(),
  in_voice: z.boolean(),
  voice_muted: z.boolean(),
  voice_deafened: z.boolean(),
  voice_speaking: z.boolean(),
  screen_sharing: z.boolean(),
});
export type ChatUser = z.infer<typeof ChatUser>;
const Users = z.object({
  type: z.literal("users"),
  ...room,
  users: z.array(ChatUser).meta(says("At most 200 after a join; later empty where there are more, and `total` counts")),
  total: z.int().meta(says("Everybody who is signed in")),
  guests: z.int(),
});
const UserJoined = z.object({
  type: z.literal("user_joined"),
  ...room,
  user_id: z.int().nullable(),
  username: z.string(),
  role: UserRole,
  anonymous: z.boolean(),
});
const UserLeft = z.object({
  type: z.literal("user_left"),
  ...room,
  user_id: z.int().nullable(),
  username: z.string(),
});
const who = { user_id: z.int(), username: z.string() };
const UserStatusChanged = z.object({
  type: z.literal("user_status_changed"),
  ...room,
  ...who,
  status: z.string(),
  status_message: z.string(),
});
const UserNicknameChanged = z.object({
  type: z.literal("user_nickname_changed"),
  ...room,
  ...who,
  nickname: z.string().nullable(),
});
const UserAvatarChanged = z.object({ type: z.literal("user_avatar_changed"), ...room, ...who, avatar: Avatar });
const UserAnonymousChanged = z
  .object({ type: z.literal("user_anonymous_changed"), ...room, ...who, anonymous: z.boolean() })
  .meta(says("The list of users shows them under the one name or the other from now on"));
const Typing = z.object({ type: z.literal("typing"), ...room, user_id: z.int().nullable(), username: z.string() });
const Resumed = z.object({ type: z.literal("resumed"), ...room }).meta(says("Every change up to `rev` has been sent"));

export const ChatErrorCode = z.enum([
  "invalid",
  "too_large",
  "unknown_type",
  "not_joined",
  "unauthenticated",
  "forbidden",
  "not_found",
  "rate_limited",
  "slowmode",
  "readonly",
  "edit_window",
  "deleted",
  "too_many_reactions",
  "unavailable",
]);
export type ChatErrorCode = z.infer<typeof ChatErrorCode>;

const ErrorFrame = z.object({
  type: z.literal("error"),
  message: z.string(),
  error_code: ChatErrorCode,
  nonce: z.string().optional().meta(says("Of the frame that failed")),
  retry_after: z.number().optional().meta(says("Seconds until the next try may work")),
  cooldown_remaining: z.number().optional(),
});
export type ErrorFrame = z.infer<typeof ErrorFrame>;

const Connected = z
  .object({
    type: z.literal("connected"),
    user: ChatProfile.nullable().meta(says("Null: a guest, who may only read")),
  })
  .meta(says("The first frame of every socket"));

export const ServerFrame = z.discriminatedUnion("type", [
  ...CHANGES,
  ChannelInfo,
  History,
  PinnedMessages,
  Users,
  UserJoined,
  UserLeft,
  UserStatusChanged,
  UserNicknameChanged,
  UserAvatarChanged,
  UserAnonymousChanged,
  Typing,
  Resumed,
  ErrorFrame,
  Connected,
  z
    .object({ type: z.literal("sync"), n: z.int() })
    .meta(says("Only with `sluice.batch.v1`: so much was sent; answer with `synced` and the same `n`")),
  z.object({ type: z.literal("pong") }),
]);
export type ServerFrame = z.infer<typeof ServerFrame>;

/** Why the server ends a socket. */
export const CHAT_CLOSE = {
  /** The credential does not hold, or no longer does. */
  unauthenticated: 4401,
  /** It read too slowly, or was not heard of for too long. */
  tooSlow: 4408,
  /** Frames kept coming after they were refused. */
  flooding: 4429,
} as const;
