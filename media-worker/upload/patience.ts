/**
 * How long an upload may stand still. A byte has moved, as far as we see, when the system took it; but systems on the
 * way hold megabytes that a slow line carries for minutes. So the answer to a slice is waited for as long as the line,
 * as it was last seen, takes for what may be held. A line that stalled is given the time of the slowest.
 */

/** What may have been taken and not been sent: Linux lets a socket hold 4 MiB. */
const HELD_BYTES = 4 * 1024 * 1024;
/** Of the slowest line that is not dead: 10 kB/s, per millisecond. */
const SLOWEST = 10;
/** A line may have become so many times slower since. */
const SLOWER = 4;

export class Patience {
  /** Milliseconds without a byte moving. */
  readonly stall: number;
  /** Bytes per millisecond. */
  #rate = SLOWEST;

  constructor(stall: number) {
    this.stall = stall;
  }

  /** For the answer, once all of a slice was handed over: milliseconds. */
  answer(size: number): number {
    return this.stall + Math.min(size, HELD_BYTES) / Math.max(this.#rate / SLOWER, SLOWEST);
  }

  took(size: number, ms: number): void {
    this.#rate = size / Math.max(ms, 1);
  }

  stalled(): void {
    this.#rate = SLOWEST;
  }
}
