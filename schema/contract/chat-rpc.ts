/**
 * What chat objects say to each other. `ChatGateway` holds the sockets of its users, `ChatRoom` the order of one
 * channel. Both survive the loss of any call: each call may be repeated, and says where its caller is.
 */
import * as z from "zod";
import type { AuditAction } from "./audit.ts";
import { type ChannelConfig, type ChatMessage, ChatProfile, type PinnedMessage } from "./chat.ts";
import type { ChatErrorCode, ChatUser } from "./chat-frames.ts";

/** One change, or, without `rev`, news that nobody misses (who is typing, who came). `frame`: as clients get it. */
export type Update = {
  rev: number;
  frame: string;
  /** The channel as it is with this change. */
  config?: ChannelConfig;
  /** There is no channel any more. */
  ends?: true;
};
/** `except`: the user whom it is about, who knows. */
export type News = { frame: string; except?: number };

/** What somebody may do in a channel. `guest`: read. `moderator`: of this channel, by whatever right. */
export type Standing = "guest" | "member" | "moderator";

/** A gateway tells a room who is there, renews its lease, and fetches what it lacks: all in one. */
export type Visit = {
  /** The gateway's name. */
  gateway: string;
  /** Of this subscription; a higher one replaces a lower one with everybody in it, and a lower one is too late. */
  epoch: number;
  /** Visits under one epoch are numbered upwards: what a late one says of who is there is not believed. */
  n: number;
  /** As D1 has it, or null when the gateway has not looked lately. */
  config: ChannelConfig | null;
  /** The last change that is wanted no more; null: none is wanted. */
  since: number | null;
  /** Somebody wants what a join shows. */
  snapshot: boolean;
  entered: ChatUser[];
  /** User ids. */
  left: number[];
  /** How many guests there are on this gateway now. */
  guests: number;
  /** Nobody is there any more: end the subscription. */
  bye: boolean;
};

export type Snapshot = {
  /** `author`: who really wrote it; never leaves the gateway. */
  history: { message: ChatMessage; author: number }[];
  has_more: boolean;
  pinned: { message: PinnedMessage; author: number }[];
  users: ChatUser[];
  total: number;
  guests: number;
};

export type VisitReply =
  | {
      ok: true;
      rev: number;
      /** UTC ms. Past it the room sends nothing more to this gateway. */
      lease_until: number;
      config: ChannelConfig;
      /** All after `since` up to `rev`; null when they are too many or too old. */
      updates: Update[] | null;
      /** When asked for, or when `updates` were and are null. */
      snapshot: Snapshot | null;
    }
  /** The channel is gone. */
  | { ok: false };

/** Who does something in a room. */
export type Doer = { user_id: number; profile: ChatProfile; standing: Standing };

/** `nonce`: the same action under the same nonce of the same user is done once in 10 minutes. */
export type RoomAction = { by: Doer; nonce: string } & (
  | { kind: "message"; message: string; reply_to: number | null }
  | { kind: "edit"; message_id: number; message: string }
  | { kind: "delete"; message_id: number }
  | { kind: "react"; message_id: number; emoji: string }
  | { kind: "pin"; message_id: number }
  | { kind: "unpin"; message_id: number }
);

export type ActReply =
  | {
      ok: true;
      rev: number;
      message_id: number;
      /** It was done before: the frame of that time, for the one who asks again. */
      again: string | null;
    }
  | { ok: false; code: ChatErrorCode; message: string; wait_s?: number };

export type HistoryReply = { history: Snapshot["history"]; has_more: boolean; rev: number };

/** What a moderator did in a room, for the audit log. `id`: no other of this room has it. `at`: UTC ms. */
export type Deed = {
  id: number;
  action: Extract<AuditAction, "message_delete" | "pin_message" | "unpin_message">;
  message_id: number;
  /** Whose message it was, as everybody saw it: null for somebody anonymous. */
  author_id: number | null;
  author: string;
  channel: string;
  by: { id: number; name: string };
  at: number;
};

/** RPC of the `ChatRoom` object. Its name is the room's number (of a channel: its id) in decimal. */
export interface ChatRoomRpc {
  visit(visit: Visit): Promise<VisitReply>;
  act(action: RoomAction): Promise<ActReply>;
  typing(by: ChatProfile): Promise<void>;
  /** Oldest first, all before `before_id`. */
  history(before_id: number, limit: number): Promise<HistoryReply>;
  /** The message and what it answers, oldest first; empty: no such message. */
  thread(message_id: number, reader: number): Promise<ChatMessage[]>;
  /** D1 has changed. An older version is ignored. */
  configure(config: ChannelConfig): Promise<void>;
  streamStatus(stream_id: number, is_live: 0 | 1 | 2, live_version: number): Promise<void>;
  /** The numbers of the newest messages that are there, newest first, at most `UNREAD_MAX`. */
  newest(): Promise<number[]>;
  /** Removes every message, pinned ones too; returns how many there were. The same `order` is carried out once. */
  clear(by: { user_id: number; username: string }, order: string): Promise<number>;
  /** The channel was deleted: whoever is there is told, and everything is removed. */
  destroy(): Promise<void>;
}

export type Delivery = {
  room: number;
  epoch: number;
  /** The updates begin right after this change. */
  after: number;
  updates: Update[];
  news: News[];
  /** Too much was missed: a snapshot is to be fetched. */
  reset: boolean;
};
/** `have`: the last change the gateway has now. `gone`: it has no such subscription. */
export type DeliveryReply = { have: number } | { gone: true };

/** What may change of somebody while they are connected. */
export type Looks = { profile: ChatProfile; status: string; status_message: string };

/** RPC of the `ChatGateway` object. Its name is `<region>:<shard>`. `fetch` only for the WebSocket upgrade. */
export interface ChatGatewayRpc {
  deliver(delivery: Delivery): Promise<DeliveryReply>;
  /** Closes the sockets of a session or an API key that was revoked, or all of a user's. */
  disconnect(who: { session: string } | { user_id: number }): Promise<void>;
  /** Somebody is at home at another gateway from now on: their sockets here are closed, to come back there. */
  sendHome(user_id: number): Promise<void>;
  /** Somebody has another name, avatar or status: for their sockets, and whoever is in a room with them. */
  profile(user_id: number, looks: Looks): Promise<void>;
}

/** Header of the upgrade that the Worker hands to the gateway: who comes, as JSON in base64url. */
export const CHAT_IDENTITY_HEADER = "x-sluice-chat-identity";

/** Who a socket belongs to, as the Worker authenticated it. */
export const ChatIdentity = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("guest"), id: z.string() }),
  z.object({
    kind: z.literal("user"),
    user_id: z.int(),
    /** Or what stands for one: `key:<id>` of an API key, `stream-key:<hash>` of a stream key. */
    session: z.string(),
    /** UTC ms; null: does not expire. */
    expires_at: z.int().nullable(),
    scopes: z.array(z.string()),
    /** A stream key opens the channel of its own stream only. */
    stream_id: z.int().nullable(),
    profile: ChatProfile,
    status: z.string(),
    status_message: z.string(),
  }),
]);
export type ChatIdentity = z.infer<typeof ChatIdentity>;
