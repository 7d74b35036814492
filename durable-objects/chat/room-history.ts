/** What readers of a room are shown of its messages. */
import { type ChatMessage, HISTORY_SHOWN, THREAD_MAX } from "#contract/chat";
import type { Snapshot } from "#contract/chat-rpc";
import type { RoomFrames } from "./room-frames.ts";
import type { MessageRow, RoomRecords } from "./room-records.ts";

type Page = Pick<Snapshot, "history" | "has_more">;

export class RoomHistory {
  readonly #records: RoomRecords;
  readonly #frames: RoomFrames;
  /** What a join shows, as of a `rev`. */
  #newest: (Page & Pick<Snapshot, "pinned"> & { rev: number }) | null = null;

  constructor(records: RoomRecords, frames: RoomFrames) {
    this.#records = records;
    this.#frames = frames;
  }

  /** Messages went without a change. */
  forget(): void {
    this.#newest = null;
  }

  page(before: number, limit: number): Page {
    const rows = this.#records.before(before, limit + 1);
    return { history: this.#frames.shown(rows.slice(0, limit).reverse()), has_more: rows.length > limit };
  }

  /** As of a `rev`, when the newest message has the number `seq`. */
  newest(rev: number, seq: number): Page & Pick<Snapshot, "pinned"> {
    if (this.#newest?.rev !== rev) {
      this.#newest = { ...this.page(seq + 1, HISTORY_SHOWN), pinned: this.#frames.pinned(), rev };
    }
    const { history, has_more, pinned } = this.#newest;
    return { history, has_more, pinned };
  }

  /** A message and those it answers, the oldest first. */
  thread(of: number | null, reader: number): ChatMessage[] {
    const rows: MessageRow[] = [];
    let seq = of;
    while (seq !== null && rows.length < THREAD_MAX) {
      const row = this.#records.message(seq);
      if (!row) break;
      rows.unshift(row);
      seq = row.reply_to;
    }
    return this.#frames
      .shown(rows)
      .map(({ message, author }) => (message.anonymous && author === reader ? { ...message, own: true } : message));
  }
}
