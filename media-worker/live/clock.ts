/** Time as the live path sees it, so that tests can hold and advance it. */
export interface Clock {
  /** UTC milliseconds. The time of day may be set, so no duration is measured by it. */
  now(): number;
  /** Milliseconds since some moment, for durations and deadlines: goes on evenly whatever the time of day does. */
  elapsed(): number;
  /** Runs `action` once after `ms`. The returned function cancels it. */
  after(ms: number, action: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(ms, action) {
    const timer = setTimeout(action, ms);
    return () => clearTimeout(timer);
  },
};
