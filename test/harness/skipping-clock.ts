/** The real clock, with which a test can skip time: what falls due on the way happens at once. */
import type { Clock } from "../../media-worker/live/clock.ts";

type Timer = { at: number; action: () => void; cancel: () => void };

export class SkippingClock implements Clock {
  #skipped = 0;
  readonly #timers = new Set<Timer>();

  now = (): number => Date.now() + this.#skipped;
  elapsed = (): number => performance.now() + this.#skipped;

  after = (ms: number, action: () => void): (() => void) => {
    const timer: Timer = { at: this.now() + ms, action, cancel: () => {} };
    this.#timers.add(timer);
    this.#arm(timer);
    return () => {
      timer.cancel();
      this.#timers.delete(timer);
    };
  };

  skip(ms: number): void {
    const end = this.now() + ms;
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#skipped += Math.max(0, due.at - this.now());
      due.cancel();
      this.#run(due);
    }
    this.#skipped += Math.max(0, end - this.now());
    for (const timer of this.#timers) {
      timer.cancel();
      this.#arm(timer);
    }
  }

  #arm(timer: Timer): void {
    const handle = setTimeout(() => this.#run(timer), Math.max(0, timer.at - this.now()));
    timer.cancel = () => clearTimeout(handle);
  }

  #run(timer: Timer): void {
    this.#timers.delete(timer);
    timer.action();
  }
}
