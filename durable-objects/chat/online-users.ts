/** How many users have a socket open at a gateway, and when D1 is told: a moment late, and seldom. */
import type { GatewayRecords } from "./gateway-records.ts";

const TELL_EVERY_MS = 10_000;
/** What D1 was told counts there for a quarter of an hour. */
const RENEW_MS = 10 * 60_000;

type OnlineWorld = {
  now(): number;
  tellOnline(users: number): Promise<void>;
  failed(what: string, error: unknown): void;
};

export class OnlineUsers {
  readonly #world: OnlineWorld;
  readonly #records: GatewayRecords;
  /** Sockets by user; guests are nobody. */
  readonly #sockets = new Map<number, number>();

  constructor(world: OnlineWorld, records: GatewayRecords) {
    this.#world = world;
    this.#records = records;
  }

  came(user_id: number | null): void {
    if (user_id !== null) this.#sockets.set(user_id, (this.#sockets.get(user_id) ?? 0) + 1);
  }

  /** True when that changes what is due: once, however many leave. */
  left(user_id: number | null): boolean {
    if (user_id === null) return false;
    const { due } = this;
    const left = (this.#sockets.get(user_id) ?? 0) - 1;
    if (left > 0) this.#sockets.set(user_id, left);
    else this.#sockets.delete(user_id);
    return this.due !== due;
  }

  /** When `tell` has something to do; null: not before somebody comes. */
  get due(): number | null {
    const { users, at } = this.#records.told;
    if (users !== this.#sockets.size) return at + TELL_EVERY_MS;
    return users > 0 ? at + RENEW_MS : null;
  }

  async tell(): Promise<void> {
    const now = this.#world.now();
    const { due } = this;
    if (due === null || now < due) return;
    const { size } = this.#sockets;
    // Also if it fails, it is not tried again at once.
    this.#records.told = { ...this.#records.told, at: now };
    try {
      await this.#world.tellOnline(size);
      this.#records.told = { users: size, at: now };
    } catch (error) {
      this.#world.failed("the number of users online was not written to the database", error);
    }
  }
}
