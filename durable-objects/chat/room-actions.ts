/** What people do to messages: who may, and what changes. Runs inside one transaction. */
import { type ChannelConfig, EDIT_WINDOW_MS, shownProfile } from "#contract/chat";
import type { ChatErrorCode } from "#contract/chat-frames";
import type { Deed, Doer, RoomAction } from "#contract/chat-rpc";
import { messageId, roomOf, seqOf } from "#kit/message-id";
import type { ChangeData } from "./room-frames.ts";
import { NONCE_MS } from "./room-log.ts";
import type { ChangeKind, ChangeRow, MessageRow, RoomRecords } from "./room-records.ts";

const EMOJI_PER_MESSAGE = 20;
const PINS_MAX = 50;

/** One change, not numbered yet. */
export type Done = { [K in ChangeKind]: { kind: K; seq: number | null; data: ChangeData[K] } }[ChangeKind];
type Refusal = { ok: false; code: ChatErrorCode; message: string; wait_s?: number };
export type Outcome = { ok: true; done: Done } | Refusal;
export type Repeated = { ok: true; change: ChangeRow } | Refusal;

const refuse = (code: ChatErrorCode, message: string): Refusal => ({ ok: false, code, message });
const done = (change: Done): Outcome => ({ ok: true, done: change });

export class RoomActions {
  readonly #room: number;
  readonly #records: RoomRecords;

  constructor(room: number, records: RoomRecords) {
    this.#room = room;
    this.#records = records;
  }

  /** `newSeq`: the number of a message that this may make. */
  run(action: RoomAction, config: ChannelConfig, newSeq: number, now: number): Outcome {
    const { by } = action;
    if (by.standing === "guest") return refuse("unauthenticated", "Sign in to take part in this chat");
    if (action.kind === "message") return this.#send(action, config, newSeq, now);
    const message = this.#find(action.message_id);
    if (!message) return refuse("not_found", "This message is gone");
    switch (action.kind) {
      case "edit":
        return this.#edit(message, action.message, by, config, now);
      case "delete":
        return this.#delete(message, by, config, now);
      case "react":
        return this.#react(message, action.emoji, by, now);
      case "pin":
        return this.#pin(message, by, config, now);
      case "unpin":
        return this.#unpin(message, by, config, now);
    }
  }

  /** What was done under the nonce of this action before; null: nothing that counts. */
  repeated(action: RoomAction, now: number): Repeated | null {
    const change = this.#records.changeByNonce(action.by.user_id, action.nonce);
    if (!change) return null;
    const message = this.#records.message(change.seq ?? 0);
    if (!this.#isSame(action, change, message)) {
      if (change.at >= now - NONCE_MS) return refuse("invalid", "This nonce was taken for something else");
      this.#records.forgetNonce(change.rev);
      return null;
    }
    if (!message && action.kind === "message") return refuse("deleted", "This message was sent, and deleted since");
    return { ok: true, change };
  }

  /** As far as that can be said: what was edited since may have been anything. */
  #isSame(action: RoomAction, { kind, seq, data }: ChangeRow, message: MessageRow | undefined): boolean {
    if (action.kind !== kind) return false;
    if (action.kind === "message") return !message || message.edited_at !== null || message.text === action.message;
    if (action.message_id !== messageId(this.#room, seq ?? 0)) return false;
    return action.kind !== "react" || (JSON.parse(data) as ChangeData["react"]).emoji === action.emoji;
  }

  #send(
    { by, message: text, reply_to }: Extract<RoomAction, { kind: "message" }>,
    config: ChannelConfig,
    seq: number,
    now: number,
  ): Outcome {
    const isSlowed = config.slowmode_seconds > 0 && by.standing !== "moderator";
    if (isSlowed) {
      const last = this.#records.lastSent(by.user_id);
      const wait = last === undefined ? 0 : last + config.slowmode_seconds * 1000 - now;
      if (wait > 0 && wait <= config.slowmode_seconds * 1000) {
        const wait_s = Math.ceil(wait / 1000);
        return { ...refuse("slowmode", `Slow mode: wait ${wait_s} s`), wait_s };
      }
    }
    const silenced = this.#mayWrite(by, config);
    if (silenced) return silenced;
    const answered = reply_to === null ? null : this.#find(reply_to);
    if (answered === undefined) return refuse("not_found", "The message you answer is gone");
    if (isSlowed) this.#records.setLastSent(by.user_id, now);
    this.#records.addMessage({
      seq,
      user_id: by.user_id,
      profile: by.profile,
      text,
      reply_to: answered?.seq ?? null,
      created_at: now,
    });
    return done({ kind: "message", seq, data: {} });
  }

  #edit({ seq, user_id, created_at }: MessageRow, text: string, by: Doer, config: ChannelConfig, now: number): Outcome {
    if (user_id !== by.user_id) return refuse("forbidden", "Only its author can edit a message");
    const silenced = this.#mayWrite(by, config);
    if (silenced) return silenced;
    if (now - created_at > EDIT_WINDOW_MS) {
      return refuse("edit_window", `A message can be edited for ${EDIT_WINDOW_MS / 60_000} minutes`);
    }
    this.#records.edit(seq, text, now);
    return done({ kind: "edit", seq, data: {} });
  }

  #delete(message: MessageRow, by: Doer, config: ChannelConfig, now: number): Outcome {
    const { seq, user_id, profile } = message;
    const isOwn = user_id === by.user_id;
    if (!isOwn && by.standing !== "moderator") return refuse("forbidden", "You can delete your own messages only");
    this.#records.deleteMessages([seq]);
    if (!isOwn) this.#record("message_delete", message, by, config, now);
    return done({ kind: "delete", seq, data: { by: isOwn ? shownProfile(profile).user_id : by.user_id } });
  }

  #react({ seq }: MessageRow, emoji: string, by: Doer, now: number): Outcome {
    const all = this.#records.reactions([seq]);
    const same = all.filter((reaction) => reaction.emoji === emoji);
    const present = same.find(({ user_id }) => user_id === by.user_id);
    const added = present === undefined;
    if (!added) this.#records.removeReaction(seq, emoji, by.user_id);
    else {
      if (same.length === 0 && new Set(all.map((reaction) => reaction.emoji)).size >= EMOJI_PER_MESSAGE) {
        return refuse("too_many_reactions", `A message takes ${EMOJI_PER_MESSAGE} different emoji`);
      }
      this.#records.addReaction({ seq, emoji, user_id: by.user_id, hidden: by.profile.anonymous ? 1 : 0 }, now);
    }
    // Who was not named with it is not named when it goes, either.
    const { user_id, username } = shownProfile({ ...by.profile, ...(present && { anonymous: present.hidden === 1 }) });
    const count = same.length + (added ? 1 : -1);
    return done({ kind: "react", seq, data: { emoji, by: user_id, username, added, count } });
  }

  #pin(message: MessageRow, by: Doer, config: ChannelConfig, now: number): Outcome {
    const { seq, pinned_at } = message;
    if (by.standing !== "moderator") return refuse("forbidden", "Moderators pin messages");
    if (pinned_at !== null) return refuse("invalid", "It is pinned already");
    if (this.#records.pinned().length >= PINS_MAX) return refuse("invalid", `A channel has at most ${PINS_MAX} pins`);
    this.#records.pin(seq, by.user_id, now);
    this.#record("pin_message", message, by, config, now);
    return done({ kind: "pin", seq, data: { by: by.user_id, by_name: by.profile.username } });
  }

  #unpin(message: MessageRow, by: Doer, config: ChannelConfig, now: number): Outcome {
    const { seq, pinned_at } = message;
    if (by.standing !== "moderator") return refuse("forbidden", "Moderators unpin messages");
    if (pinned_at === null) return refuse("invalid", "It is not pinned");
    this.#records.pin(seq, null, null);
    this.#record("unpin_message", message, by, config, now);
    return done({ kind: "unpin", seq, data: {} });
  }

  /** Of whom the message is, is said as everybody sees it. */
  #record(action: Deed["action"], { seq, profile }: MessageRow, by: Doer, config: ChannelConfig, at: number): void {
    const { user_id: author_id, username: author } = shownProfile(profile);
    const message_id = messageId(this.#room, seq);
    this.#records.addDeed({
      action,
      message_id,
      author_id,
      author,
      channel: config.name,
      by: { id: by.user_id, name: by.profile.username },
      at,
    });
  }

  #mayWrite(by: Doer, config: ChannelConfig): Refusal | null {
    if (config.mode === "open" || by.standing === "moderator") return null;
    return refuse("readonly", "Only moderators write here");
  }

  #find(message_id: number): MessageRow | undefined {
    return roomOf(message_id) === this.#room ? this.#records.message(seqOf(message_id)) : undefined;
  }
}
