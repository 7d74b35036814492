/** A room's changes in order: the newest ready to send, the others from their rows, the oldest forgotten. */
import type { ChannelConfig } from "#contract/chat";
import type { Update } from "#contract/chat-rpc";
import { Ring } from "./ring.ts";
import type { RoomFrames } from "./room-frames.ts";
import type { ChangeRow, RoomRecords } from "./room-records.ts";

const READY_KEPT = 512;
/** More than this is told as a snapshot. */
const TOLD_MAX = 500;
const KEPT_CHANGES = 1_000;
/** A nonce counts for at least this long, and is nothing else's meanwhile. */
export const NONCE_MS = 10 * 60_000;
const FORGET_EVERY = 256;

export class RoomLog {
  readonly #records: RoomRecords;
  readonly #frames: RoomFrames;
  /** Up to `rev`, as they were when they happened. */
  readonly #ready = new Ring(READY_KEPT);
  #rev: number;

  constructor(records: RoomRecords, frames: RoomFrames, rev: number) {
    this.#records = records;
    this.#frames = frames;
    this.#rev = rev;
  }

  get rev(): number {
    return this.#rev;
  }

  /** Inside the transaction of the change. Returns what is to be `published` once that has held. */
  write(change: Omit<ChangeRow, "rev" | "data"> & { data: unknown }, config?: ChannelConfig): Update {
    const row = { ...change, rev: this.#rev + 1, data: JSON.stringify(change.data) };
    this.#records.addChange(row);
    if (row.rev % FORGET_EVERY === 0) this.#records.forgetChanges(row.rev - KEPT_CHANGES, row.at - NONCE_MS);
    return { rev: row.rev, frame: this.#frames.frame(row), ...(config && { config }) };
  }

  published(update: Update): void {
    this.#rev = update.rev;
    this.#ready.push([update]);
  }

  /** All after `rev`, or null when they are too many or forgotten. `config`: goes with changes of the channel. */
  since(rev: number, config: ChannelConfig): Update[] | null {
    if (rev >= this.#rev) return [];
    if (this.#rev - rev > TOLD_MAX) return null;
    const ready = this.#ready.since(rev, this.#rev);
    if (ready) return ready;
    const rows = this.#records.changesAfter(rev, TOLD_MAX);
    if (rows.length !== this.#rev - rev) return null;
    return rows.map((row) => {
      const frame = this.#frames.frame(row);
      const ofChannel = row.kind === "renamed" || row.kind === "updated" || row.kind === "stream";
      return { rev: row.rev, frame, ...(ofChannel && { config }) };
    });
  }
}
