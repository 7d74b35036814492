/** What moderators did in a room, on its way to the audit log: written with the change, and told to D1 soon after. */
import type { Deed } from "#contract/chat-rpc";
import type { RoomRecords } from "./room-records.ts";

const TOLD_AFTER_MS = 1_000;
const AGAIN_AFTER_MS = 10_000;
const TOLD_AT_ONCE = 100;

type DeedsWorld = {
  record(deeds: Deed[]): Promise<void>;
  failed(what: string, error: unknown): void;
};

export class RoomDeeds {
  readonly #world: DeedsWorld;
  readonly #records: RoomRecords;
  #at: number | null = null;

  constructor(world: DeedsWorld, records: RoomRecords) {
    this.#world = world;
    this.#records = records;
  }

  /** When `run` has something to do; null: there is nothing to tell. */
  due(now: number): number | null {
    if (!this.#records.hasDeeds()) return null;
    this.#at ??= now + TOLD_AFTER_MS;
    return this.#at;
  }

  /** One that is told twice is recorded once. */
  async run(now: number): Promise<void> {
    if (this.#at !== null && now < this.#at) return;
    const deeds = this.#records.deeds(TOLD_AT_ONCE);
    const last = deeds.at(-1);
    if (!last) return;
    this.#at = now + AGAIN_AFTER_MS;
    try {
      await this.#world.record(deeds);
      this.#records.removeDeeds(last.id);
      this.#at = null;
    } catch (error) {
      this.#world.failed("what moderators did was not written to the audit log", error);
    }
  }
}
