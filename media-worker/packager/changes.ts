/** Who waits for a change. Told once per turn, so that a segment's last part and its completion are one change. */
export class Changes {
  readonly #waiting = new Set<() => boolean>();
  #telling = false;

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Calls `served` after each change until it returns true, or until the returned function is called. */
  wait(served: () => boolean): () => void {
    this.#waiting.add(served);
    return () => this.#waiting.delete(served);
  }

  tell(): void {
    if (this.#telling || this.#waiting.size === 0) return;
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      for (const served of this.#waiting) if (served()) this.#waiting.delete(served);
    });
  }
}
