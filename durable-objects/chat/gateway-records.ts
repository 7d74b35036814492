/** What a gateway keeps of its subscriptions while it sleeps. */
import { ChannelConfig } from "#contract/chat";
import type { Store } from "./store.ts";

export type KeptRoom = { room: number; epoch: string; rev: number; lease_until: number; config: ChannelConfig };

export class GatewayRecords {
  readonly #store: Store;
  readonly #epochs = new Map<number, string>();

  constructor(store: Store) {
    this.#store = store;
    store.exec(`
      CREATE TABLE IF NOT EXISTS rooms (
        room INTEGER PRIMARY KEY, epoch TEXT NOT NULL, rev INTEGER NOT NULL, lease_until INTEGER NOT NULL,
        config TEXT NOT NULL)`);
  }

  rooms(): KeptRoom[] {
    const rows = this.#store.exec<Omit<KeptRoom, "config"> & { config: string }>("SELECT * FROM rooms");
    for (const { room, epoch } of rows) this.#epochs.set(room, epoch);
    return rows.map((row) => ({ ...row, config: ChannelConfig.parse(JSON.parse(row.config)) }));
  }

  has(room: number, epoch: string): boolean {
    return this.#epochs.get(room) === epoch;
  }

  set({ room, epoch, rev, lease_until, config }: KeptRoom): void {
    this.#epochs.set(room, epoch);
    const text = JSON.stringify(config);
    this.#store.exec("INSERT OR REPLACE INTO rooms VALUES (?, ?, ?, ?, ?)", room, epoch, rev, lease_until, text);
  }

  /** A newer subscription of the same room stays. */
  remove(room: number, epoch: string): void {
    if (this.#epochs.get(room) !== epoch) return;
    this.#epochs.delete(room);
    this.#store.exec("DELETE FROM rooms WHERE room = ?", room);
  }
}
