/** Time as the live path sees it, so that tests can hold and advance it. */
export interface Clock {
  /** UTC milliseconds. */
  now(): number;
  /** Runs `action` once after `ms`. The returned function cancels it. */
  after(ms: number, action: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, action) {
    const timer = setTimeout(action, ms);
    return () => clearTimeout(timer);
  },
};
