/** Of an object's storage. */
type AlarmStorage = { setAlarm(at: number): Promise<void>; deleteAlarm(): Promise<void> };

/** One alarm per object is all there is: keeps it at the earliest of what is due, writing only when that changes. */
export class Alarm {
  readonly #storage: AlarmStorage;
  /** Undefined: unknown, after the object woke. */
  #at: number | null | undefined;

  constructor(storage: AlarmStorage) {
    this.#storage = storage;
  }

  /** `due`: UTC ms, or null for what is not awaited. */
  async set(...due: (number | null)[]): Promise<void> {
    const times = due.filter((at) => at !== null);
    const next = times.length > 0 ? Math.min(...times) : null;
    if (next === this.#at) return;
    this.#at = next;
    try {
      if (next === null) await this.#storage.deleteAlarm();
      else await this.#storage.setAlarm(next);
    } catch (error) {
      // Whether it was written is not known: the next one is, whatever its time.
      this.#at = undefined;
      throw error;
    }
  }

  /** To be called when it rings: the runtime has taken it away. */
  rang(): void {
    this.#at = null;
  }
}
