/** Where the upload of a part waits: for more of it, or for better times. */

export class Rest {
  readonly #signal: AbortSignal;
  #wake: (() => void) | null = null;
  #poked = false;
  #backsOff = false;

  /** When it is aborted, no rest lasts. */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  get isResting(): boolean {
    return this.#wake !== null;
  }

  /** There is something to do: ends `untilPoked`, also one that is not yet begun. */
  poke(): void {
    this.#poked = true;
    if (!this.#backsOff) this.#wake?.();
  }

  /** Ends any rest. */
  hurry(): void {
    this.#poked = true;
    this.#wake?.();
  }

  async untilPoked(ms: number): Promise<void> {
    if (!this.#poked) await this.#sleep(ms);
    this.#poked = false;
  }

  async untilHurried(ms: number): Promise<void> {
    this.#backsOff = true;
    await this.#sleep(ms);
    this.#backsOff = false;
  }

  #sleep(ms: number): Promise<void> {
    if (this.#signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#signal.removeEventListener("abort", wake);
        this.#wake = null;
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.#signal.addEventListener("abort", wake, { once: true });
      this.#wake = wake;
    });
  }
}
