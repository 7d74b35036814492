/** Waits that double from `min_ms` to `max_ms`, each with jitter: between half of it and all of it. */
export class BackOff {
  readonly #min: number;
  readonly #max: number;
  readonly #random: () => number;
  #failures = 0;

  /** `random`: 0 ≤ n < 1. */
  constructor(min_ms: number, max_ms: number, random: () => number = Math.random) {
    this.#min = min_ms;
    this.#max = max_ms;
    this.#random = random;
  }

  /** How long to wait after one more failure. */
  next(): number {
    const wait = Math.min(this.#max, this.#min * 2 ** this.#failures);
    this.#failures += 1;
    return wait * (0.5 + this.#random() / 2);
  }

  reset(): void {
    this.#failures = 0;
  }
}
