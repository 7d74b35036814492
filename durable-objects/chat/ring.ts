/** The newest changes of a room, numbered without gaps. */
import type { Update } from "#contract/chat-rpc";

/** No reader is given more than that one after the other, so more is not kept ready. */
export const CATCH_UP_MAX = 512 * 1024;

export class Ring {
  readonly #kept: number;
  #updates: Update[] = [];
  /** Of all frames here. */
  #characters = 0;

  /** `kept`: at least so many of the newest, unless they are very long, and at most twice as many. */
  constructor(kept: number) {
    this.#kept = kept;
  }

  /** Those that come next. */
  push(updates: Update[]): void {
    this.#updates.push(...updates);
    for (const { frame } of updates) this.#characters += frame.length;
    if (this.#updates.length > 2 * this.#kept || this.#characters > 2 * CATCH_UP_MAX) this.#trim();
  }

  /** All after `rev` up to `upTo`; null when that goes back too far. */
  since(rev: number, upTo: number): Update[] | null {
    const [first] = this.#updates;
    if (!first || first.rev > rev + 1) return null;
    return this.#updates.slice(rev + 1 - first.rev, upTo + 1 - first.rev);
  }

  clear(): void {
    this.#updates = [];
    this.#characters = 0;
  }

  #trim(): void {
    const newest: Update[] = [];
    this.#characters = 0;
    for (const update of this.#updates.slice(-this.#kept).reverse()) {
      if (this.#characters > CATCH_UP_MAX) break;
      this.#characters += update.frame.length;
      newest.push(update);
    }
    this.#updates = newest.reverse();
  }
}
