/** What a gateway keeps while it sleeps: its subscriptions, and how many users D1 was told are online. */
import { ChannelConfig } from "#contract/chat";
import type { Store } from "./store.ts";

export type KeptRoom = { room: number; epoch: number; rev: number; lease_until: number; config: ChannelConfig };

/** `at`: UTC ms. */
export type Told = { users: number; at: number };

export class GatewayRecords {
  readonly #store: Store;
  readonly #epochs = new Map<number, number>();
  #told: Told;

  constructor(store: Store) {
    this.#store = store;
    store.exec(`
      CREATE TABLE IF NOT EXISTS rooms (
        room INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, rev INTEGER NOT NULL, lease_until INTEGER NOT NULL,
        config TEXT NOT NULL)`);
    store.exec("CREATE TABLE IF NOT EXISTS epochs (id INTEGER PRIMARY KEY CHECK (id = 1), last INTEGER NOT NULL)");
    store.exec("INSERT OR IGNORE INTO epochs VALUES (1, 0)");
    store.exec(
      "CREATE TABLE IF NOT EXISTS told (id INTEGER PRIMARY KEY CHECK (id = 1), users INTEGER NOT NULL, at INTEGER NOT NULL)",
    );
    this.#told = store.exec<Told>("SELECT users, at FROM told")[0] ?? { users: 0, at: 0 };
  }

  get told(): Told {
    return this.#told;
  }

  set told({ users, at }: Told) {
    this.#told = { users, at };
    this.#store.exec("INSERT OR REPLACE INTO told VALUES (1, ?, ?)", users, at);
  }

  /** Higher than any before, whatever was lost of memory meanwhile. */
  newEpoch(): number {
    const [row] = this.#store.exec<{ last: number }>("UPDATE epochs SET last = last + 1 RETURNING last");
    if (!row) throw new Error("a gateway has no row of epochs");
    return row.last;
  }

  /** One that an older version kept, in a form of its own, is forgotten. */
  rooms(): KeptRoom[] {
    const rows = this.#store.exec<Omit<KeptRoom, "config"> & { config: string }>("SELECT * FROM rooms");
    return rows.flatMap((row) => {
      this.#epochs.set(row.room, row.epoch);
      const config = ChannelConfig.safeParse(JSON.parse(row.config));
      if (config.success) return { ...row, config: config.data };
      this.remove(row.room, row.epoch);
      return [];
    });
  }

  has(room: number, epoch: number): boolean {
    return this.#epochs.get(room) === epoch;
  }

  set({ room, epoch, rev, lease_until, config }: KeptRoom): void {
    this.#epochs.set(room, epoch);
    const text = JSON.stringify(config);
    this.#store.exec("INSERT OR REPLACE INTO rooms VALUES (?, ?, ?, ?, ?)", room, epoch, rev, lease_until, text);
  }

  /** A newer subscription of the same room stays. */
  remove(room: number, epoch: number): void {
    if (this.#epochs.get(room) !== epoch) return;
    this.#epochs.delete(room);
    this.#store.exec("DELETE FROM rooms WHERE room = ?", room);
  }
}
