/** Replies that their readers take too slowly: each pins media in memory, so none may last for long. */
import type { ServerResponse } from "node:http";

const MAX_UNSENT_BYTES = 2 * 1024 * 1024;
const LARGE_UNSENT_MS = 10_000;
const LONGEST_REPLY_MS = 60_000;

export class SlowReaders {
  readonly #open = new Map<ServerResponse, number>();

  /** Call when all of a reply has been handed over. */
  watch(response: ServerResponse, now: number): void {
    if (response.writableLength === 0 && !response.socket?.writableLength) return;
    this.#open.set(response, now);
    response.once("close", () => this.#open.delete(response));
  }

  /** Cuts off those who have had their time. */
  check(now: number): void {
    for (const [response, since] of this.#open) {
      const unsent = response.socket?.writableLength ?? 0;
      const allowed = unsent > MAX_UNSENT_BYTES ? LARGE_UNSENT_MS : LONGEST_REPLY_MS;
      if (now - since > allowed) response.destroy();
    }
  }
}
