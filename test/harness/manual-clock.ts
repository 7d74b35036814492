/** A clock that stands still until it is advanced. */
import type { Clock } from "../../media-worker/live/clock.ts";

export class ManualClock implements Clock {
  #now: number;
  #set = 0;
  #timers: { at: number; action: () => void }[] = [];

  constructor(now = 0) {
    this.#now = now;
  }

  now = (): number => this.#now + this.#set;
  elapsed = (): number => this.#now;

  /** The time of day is set forward, or back. */
  setForward(ms: number): void {
    this.#set += ms;
  }

  after = (ms: number, action: () => void): (() => void) => {
    const timer = { at: this.#now + ms, action };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  };

  /** Lets `ms` pass and runs what falls due on the way, in order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#now = next.at;
      next.action();
    }
    this.#now = end;
  }
}
