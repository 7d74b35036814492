/** From a room's rows to what clients are sent. Every change can be told again later, as far as it still shows. */
import {
  type ChatMessage,
  type ChatProfile,
  type PinnedMessage,
  PREVIEW_CHARACTERS,
  type Reaction,
  type ReplyPreview,
  shownProfile,
} from "#contract/chat";
import type { Change } from "#contract/chat-frames";
import type { Snapshot } from "#contract/chat-rpc";
import { messageId } from "#kit/message-id";
import type { ChangeRow, MessageRow, ReactionRow, RoomRecords } from "./room-records.ts";

const REACTORS_SHOWN = 200;

export const iso = (time: number): string => new Date(time).toISOString();

/** What a change's `data` holds, by kind. */
export type ChangeData = {
  message: Record<string, never>;
  edit: Record<string, never>;
  delete: { by: number | null };
  react: { emoji: string; by: number | null; username: string; added: boolean; count: number };
  pin: { by: number; by_name: string };
  unpin: Record<string, never>;
  renamed: { old_name: string; new_name: string };
  updated: Record<string, never>;
  cleared: { channel: string; by: string; count: number };
  destroyed: { channel: string };
  stream: { stream_id: number; is_live: 0 | 1 | 2 };
};

export class RoomFrames {
  readonly #room: number;
  readonly #records: RoomRecords;

  constructor(room: number, records: RoomRecords) {
    this.#room = room;
    this.#records = records;
  }

  id(seq: number): number {
    return messageId(this.#room, seq);
  }

  /** The frame of a change as it can be told now: of a message, its text as it is now. */
  frame(change: ChangeRow): string {
    return JSON.stringify(this.#change(change));
  }

  #change({ rev, kind, seq, data, nonce }: ChangeRow): Change {
    const where = { channel_id: this.#room, rev };
    const message_id = this.id(seq ?? 0);
    // What a gateway made up for its own retries tells nobody anything.
    const own = nonce !== null && !nonce.startsWith("~") && { nonce };
    const said = <K extends keyof ChangeData>() => JSON.parse(data) as ChangeData[K];
    switch (kind) {
      case "message": {
        const message = this.#message(seq);
        if (!message) return { type: "skipped", ...where, ...own };
        return {
          type: "message",
          ...where,
          id: message_id,
          ...shownProfile(message.profile),
          message: message.text,
          created_at: iso(message.created_at),
          edited_at: message.edited_at === null ? null : iso(message.edited_at),
          ...this.#reply(message, this.#previews([message])),
          ...own,
        };
      }
      case "edit": {
        const message = this.#message(seq);
        if (message?.edited_at == null) return { type: "skipped", ...where, ...own };
        const { text } = message;
        const edited_at = iso(message.edited_at);
        return { type: "message_edited", ...where, message_id, new_text: text, message: text, edited_at, ...own };
      }
      case "delete":
        return { type: "message_deleted", ...where, message_id, deleted_by: said<"delete">().by, ...own };
      case "react": {
        const { emoji, by, username, added, count } = said<"react">();
        const action = added ? "add" : "remove";
        return {
          type: "reaction_update",
          ...where,
          message_id,
          emoji,
          user_id: by,
          username,
          action,
          added,
          count,
          ...own,
        };
      }
      case "pin": {
        const message = this.#message(seq);
        if (message?.pinned_at == null) return { type: "skipped", ...where, ...own };
        const { by, by_name } = said<"pin">();
        return {
          type: "message_pinned",
          ...where,
          message_id,
          message: message.text,
          username: shownName(message.profile),
          pinned_by: by,
          pinned_by_username: by_name,
          pinned_at: iso(message.pinned_at),
          ...own,
        };
      }
      case "unpin":
        return { type: "message_unpinned", ...where, message_id, ...own };
      case "renamed":
        return { type: "channel_renamed", ...where, ...said<"renamed">() };
      case "updated":
        return { type: "channel_updated", ...where };
      case "cleared": {
        const { channel, by, count } = said<"cleared">();
        return { type: "channel_cleared", ...where, channel, cleared_by: by, message_count: count };
      }
      case "destroyed":
        return { type: "channel_deleted", ...where, channel: said<"destroyed">().channel };
      case "stream":
        return { type: "stream_status", ...where, ...said<"stream">() };
    }
  }

  /** In the order of the rows, each with who really wrote it. */
  shown(rows: MessageRow[]): Snapshot["history"] {
    const previews = this.#previews(rows);
    const reactions = Map.groupBy(this.#records.reactions(rows.map(({ seq }) => seq)), ({ seq }) => seq);
    return rows.map((row) => ({
      author: row.user_id,
      message: {
        id: this.id(row.seq),
        ...shownProfile(row.profile),
        message: row.text,
        created_at: iso(row.created_at),
        edited_at: row.edited_at === null ? null : iso(row.edited_at),
        ...this.#reply(row, previews),
        reactions: tally(reactions.get(row.seq) ?? []),
        pinned: row.pinned_at !== null,
      } satisfies ChatMessage,
    }));
  }

  pinned(): Snapshot["pinned"] {
    const rows = this.#records.pinned();
    return this.shown(rows).map(({ message, author }, index) => {
      const { pinned_by = null, pinned_at } = rows[index] ?? {};
      const pin = { pinned_by, pinned_at: iso(pinned_at ?? 0) };
      return { author, message: { ...message, ...pin } satisfies PinnedMessage };
    });
  }

  #message(seq: number | null): MessageRow | undefined {
    return seq === null ? undefined : this.#records.message(seq);
  }

  #previews(rows: MessageRow[]): Map<number, ReplyPreview> {
    const seqs = rows.map(({ reply_to }) => reply_to).filter((seq) => seq !== null);
    return new Map(
      this.#records.messages(seqs).map((row) => [
        row.seq,
        {
          id: this.id(row.seq),
          username: shownName(row.profile),
          message: [...row.text].slice(0, PREVIEW_CHARACTERS).join(""),
        },
      ]),
    );
  }

  #reply(
    { reply_to }: MessageRow,
    previews: Map<number, ReplyPreview>,
  ): Pick<ChatMessage, "reply_to" | "reply_preview"> {
    if (reply_to === null) return {};
    return { reply_to: this.id(reply_to), reply_preview: previews.get(reply_to) ?? null };
  }
}

const shownName = (profile: ChatProfile) => shownProfile(profile).username;

/** In the order in which each emoji first came. */
function tally(rows: ReactionRow[]): Reaction[] {
  return [...Map.groupBy(rows, ({ emoji }) => emoji)].map(([emoji, of]) => ({
    emoji,
    count: of.length,
    user_ids: of
      .filter(({ hidden }) => hidden === 0)
      .slice(0, REACTORS_SHOWN)
      .map(({ user_id }) => user_id),
  }));
}
