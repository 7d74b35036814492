/** Who takes part in tests of chat, where, and what they do, with as few words as possible. */
import type { ChannelConfig, ChatProfile } from "#contract/chat";
import type { ChatIdentity, Doer, RoomAction, Standing } from "#contract/chat-rpc";
import { messageId } from "#kit/message-id";
import { roomUser } from "../../durable-objects/chat/standing.ts";

export type User = Extract<ChatIdentity, { kind: "user" }>;

export const profileOf = (user_id: number, change: Partial<ChatProfile> = {}): ChatProfile => ({
  user_id,
  username: `user${user_id}`,
  nickname: null,
  role: "user",
  anonymous: false,
  avatar: {},
  ...change,
});

export const userOf = (user_id: number, profile: Partial<ChatProfile> = {}, change: Partial<User> = {}): User => ({
  kind: "user",
  user_id,
  session: `session${user_id}`,
  expires_at: null,
  scopes: ["*"],
  stream_id: null,
  profile: profileOf(user_id, profile),
  status: "online",
  status_message: "",
  ...change,
});

/** Who empties channels. */
export const ROOT = { user_id: 999, username: "root" };

export const guestOf = (id = "g1"): ChatIdentity => ({ kind: "guest", id });

export const chatUserOf = (user_id: number, profile: Partial<ChatProfile> = {}) => roomUser(userOf(user_id, profile));

export const channelOf = (id: number, change: Partial<ChannelConfig> = {}): ChannelConfig => ({
  id,
  version: 1,
  name: `channel${id}`,
  description: "",
  topic: "",
  visibility: "public",
  mode: "open",
  slowmode_seconds: 0,
  stream: null,
  ...change,
});

export const streamOf = (change: Partial<NonNullable<ChannelConfig["stream"]>> = {}) => ({
  id: 5,
  title: "A stream",
  public_key: "pub_5",
  user_id: 99,
  is_public: true,
  allow_unauthenticated: true,
  is_live: 0 as const,
  live_version: 1,
  ...change,
});

/** Anonymous to everybody; `user_id` remains who they are. */
export const HIDDEN = { anonymous: true, nickname: "Nickname", avatar: { emoji: "🦊" } };

export const doer = (user_id: number, standing: Standing = "member", profile: Partial<ChatProfile> = {}): Doer => ({
  user_id,
  profile: profileOf(user_id, profile),
  standing,
});

/** All whole numbers, both ends among them. */
export const upTo = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, n) => from + n);

let nonces = 0;
const newNonce = () => `n${++nonces}`;

/** Actions in one room. Each has a nonce of its own unless it is given one. */
export const actionsOf = (room: number) => ({
  id: (seq: number) => messageId(room, seq),
  send: (by: Doer, message: string, { reply_to = null as number | null, nonce = newNonce() } = {}): RoomAction => ({
    by,
    nonce,
    kind: "message",
    message,
    reply_to,
  }),
  edit: (by: Doer, message_id: number, message: string, nonce = newNonce()): RoomAction => ({
    by,
    nonce,
    kind: "edit",
    message_id,
    message,
  }),
  remove: (by: Doer, message_id: number, nonce = newNonce()): RoomAction => ({ by, nonce, kind: "delete", message_id }),
  react: (by: Doer, message_id: number, emoji: string, nonce = newNonce()): RoomAction => ({
    by,
    nonce,
    kind: "react",
    message_id,
    emoji,
  }),
  pin: (by: Doer, message_id: number, nonce = newNonce()): RoomAction => ({ by, nonce, kind: "pin", message_id }),
  unpin: (by: Doer, message_id: number, nonce = newNonce()): RoomAction => ({ by, nonce, kind: "unpin", message_id }),
});
