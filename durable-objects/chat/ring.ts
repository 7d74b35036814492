/** The newest changes of a room, numbered without gaps. */
import type { Update } from "#contract/chat-rpc";

export class Ring {
  readonly #kept: number;
  #updates: Update[] = [];

  /** `kept`: at least so many of the newest, and at most twice as many. */
  constructor(kept: number) {
    this.#kept = kept;
  }

  /** Those that come next. */
  push(updates: Update[]): void {
    this.#updates.push(...updates);
    if (this.#updates.length > 2 * this.#kept) this.#updates = this.#updates.slice(-this.#kept);
  }

  /** All after `rev` up to `upTo`; null when that goes back too far. */
  since(rev: number, upTo: number): Update[] | null {
    const [first] = this.#updates;
    if (!first || first.rev > rev + 1) return null;
    return this.#updates.slice(rev + 1 - first.rev, upTo + 1 - first.rev);
  }

  clear(): void {
    this.#updates = [];
  }
}
