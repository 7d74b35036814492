/** One alarm per object is all there is: keeps it at the earliest of what is due, writing only when that changes. */
export class Alarm {
  readonly #storage: Pick<DurableObjectStorage, "setAlarm" | "deleteAlarm">;
  /** Undefined: unknown, after the object woke. */
  #at: number | null | undefined;

  constructor(storage: Pick<DurableObjectStorage, "setAlarm" | "deleteAlarm">) {
    this.#storage = storage;
  }

  /** `due`: UTC ms, or null for what is not awaited. */
  async set(...due: (number | null)[]): Promise<void> {
    const times = due.filter((at) => at !== null);
    const next = times.length > 0 ? Math.min(...times) : null;
    if (next === this.#at) return;
    this.#at = next;
    if (next === null) await this.#storage.deleteAlarm();
    else await this.#storage.setAlarm(next);
  }

  /** To be called when it rings: the runtime has taken it away. */
  rang(): void {
    this.#at = null;
  }
}
