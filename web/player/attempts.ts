/** How often something was tried lately, and how long to wait before the next try. */
export type Attempts = {
  /** Notes a try and says how many there were in the last `windowMs`, this one included. */
  note(): number;
  reset(): void;
};

export function createAttempts(windowMs: number, now: () => number): Attempts {
  let times: number[] = [];
  return {
    note() {
      const at = now();
      times = [...times.filter((time) => at - time < windowMs), at];
      return times.length;
    },
    reset() {
      times = [];
    },
  };
}

/** `ms` ± 20 %, so that the viewers of a stream do not ask all at once. */
export const jitter = (ms: number, random: () => number): number => Math.round(ms * (0.8 + 0.4 * random()));

/** 0.5 s, 1 s, 2 s, 4 s, then 5 s. */
export const backoff = (attempt: number, random: () => number): number =>
  jitter(Math.min(5_000, 500 * 2 ** Math.max(0, attempt - 1)), random);
