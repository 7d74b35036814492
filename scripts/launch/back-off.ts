/** How long to wait before a process that died is started again. */

/** A process that ran this long was well: its next death starts a new row. */
export const SETTLED_MS = 10_000;
const MOST_MS = 8000;

/** Counts deaths in a row: the first restart comes at once, the next ones after 0.5, 1, 2 … 8 seconds. */
export class BackOff {
  #row = 0;

  /** `ranMs`: how long the process that has just died ran. Returns the wait in milliseconds. */
  died(ranMs: number): number {
    if (ranMs >= SETTLED_MS) this.#row = 0;
    const wait = this.#row === 0 ? 0 : Math.min(MOST_MS, 500 * 2 ** (this.#row - 1));
    this.#row += 1;
    return wait;
  }
}
