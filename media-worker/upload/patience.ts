/**
 * How long an upload may stand still. A byte has moved, as far as we see, when the system took it; but a system holds
 * megabytes, asks for more only when much of them is gone, and a slow line carries them for minutes. So a standstill is
 * allowed for as long as the line, as it was last seen, takes for what may be held; and after one that was longer the
 * line is taken for the slowest there is.
 */

/** Linux lets a socket hold so much. */
const HELD_BYTES = 4 * 1024 * 1024;
/** Of the slowest line that is not dead: 10 kB/s, per millisecond. */
const SLOWEST = 10;
/** A line may have become so many times slower since. */
const SLOWER = 4;

export class Patience {
  readonly #stall: number;
  /** Bytes per millisecond. Unknown: fast. */
  #rate = Number.POSITIVE_INFINITY;

  /** `stall`: milliseconds that are allowed on any line. */
  constructor(stall: number) {
    this.#stall = stall;
  }

  /** Milliseconds, for an upload of so many bytes. */
  standstill(size: number): number {
    return this.#stall + Math.min(size, HELD_BYTES) / Math.max(this.#rate / SLOWER, SLOWEST);
  }

  took(size: number, ms: number): void {
    this.#rate = size / Math.max(ms, 1);
  }

  stalled(): void {
    this.#rate = SLOWEST;
  }
}
