/** What a room does of itself, when its alarm rings: it forgets, and tells D1 how far it is. */
import { RETENTION_MS } from "#contract/chat";
import type { RoomRecords } from "./room-records.ts";

const EXPIRED_AT_ONCE = 500;
const SLOW_KEPT_MS = 24 * 3_600_000;
const PROJECT_EVERY_MS = 10_000;

/** Messages past their time go, pinned ones stay. Nobody is told: who sees one still may. True: some went. */
export function expireMessages(records: RoomRecords, now: number): boolean {
  let any = false;
  for (;;) {
    const expired = records
      .oldest(EXPIRED_AT_ONCE)
      .filter(({ created_at }) => created_at <= now - RETENTION_MS)
      .map(({ seq }) => seq);
    if (expired.length > 0) records.deleteMessages(expired);
    any ||= expired.length > 0;
    if (expired.length < EXPIRED_AT_ONCE) break;
  }
  records.forgetLastSent(now - SLOW_KEPT_MS);
  return any;
}

type ProjectionWorld = {
  project(seq: number): Promise<void>;
  failed(what: string, error: unknown): void;
};

/** D1 shows the number of the newest message, for unread counts: a moment late, and seldom. */
export class RoomProjection {
  readonly #world: ProjectionWorld;
  readonly #records: RoomRecords;
  #projected: number;
  #at: number | null = null;

  constructor(world: ProjectionWorld, records: RoomRecords, projected: number) {
    this.#world = world;
    this.#records = records;
    this.#projected = projected;
  }

  /** When `run` has something to do; null: not before there is a new message. */
  due(seq: number, now: number): number | null {
    if (seq <= this.#projected) return null;
    this.#at ??= now + PROJECT_EVERY_MS;
    return this.#at;
  }

  async run(seq: number, now: number): Promise<void> {
    if (seq <= this.#projected || (this.#at !== null && now < this.#at)) return;
    this.#at = now + PROJECT_EVERY_MS;
    try {
      await this.#world.project(seq);
      this.#projected = Math.max(this.#projected, seq);
      this.#records.setProjected(this.#projected);
    } catch (error) {
      this.#world.failed("the newest message's number was not written to the database", error);
    }
  }
}
