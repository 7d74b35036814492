/** What one isolate admits by the permits it holds, and how seldom it asks, against a window that counts as the object does. */
import { describe, expect, test } from "vitest";
import { Leases, type Take } from "../../workers/core/limit-leases.ts";

const MINUTE = 60_000;

/** The object's side, for one principal. */
class Counter {
  asked = 0;
  #used = 0;
  #reset_at = 0;
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  take(most: number, now: number) {
    this.asked += 1;
    if (now >= this.#reset_at) {
      this.#used = 0;
      this.#reset_at = now + MINUTE;
    }
    const granted = Math.min(most, this.#limit - this.#used);
    this.#used += granted;
    return { granted, remaining: this.#limit - this.#used, reset_at: this.#reset_at };
  }
}

type Isolate = (now: number, exact?: boolean, key?: string) => Take;

function isolate(counter: Counter, limit: number): Isolate {
  const leases = new Leases();
  return (now, exact = false, key = "k") => {
    const known = leases.take(key, exact, now);
    if (known) return known;
    const most = exact ? 1 : leases.toAsk(key, limit, now);
    return leases.taken(key, most, counter.take(most, now), now);
  };
}

const admitted = (takes: Take[]) => takes.filter(({ allowed }) => allowed).length;
const times = <T>(count: number, of: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => of(n));

describe("one isolate", () => {
  test("admits exactly the limit, counts down by one, and asks for a few at a time", () => {
    const counter = new Counter(60);
    const take = isolate(counter, 60);
    const takes = times(200, (n) => take(1_000_000 + n * 200));
    expect(admitted(takes)).toBe(60);
    expect(takes.slice(0, 61).map(({ remaining }) => remaining)).toEqual([...times(60, (n) => 59 - n), 0]);
    expect(counter.asked).toBeLessThanOrEqual(20);
  });

  test("a flood that is refused asks nobody until the window is over", () => {
    const counter = new Counter(10);
    const take = isolate(counter, 10);
    times(10, () => take(0, true));
    const asked = counter.asked;
    expect(admitted(times(10_000, (n) => take(n, n % 2 === 0)))).toBe(0);
    expect(counter.asked).toBe(asked);
    expect(take(MINUTE, true)).toMatchObject({ allowed: true, remaining: 9 });
  });

  test("exact calls are counted each, and use what is held only once nothing else is left", () => {
    const counter = new Counter(60);
    const take = isolate(counter, 60);
    take(0);
    const asked = counter.asked;
    expect(admitted(times(100, () => take(0, true)))).toBe(59);
    expect(counter.asked - asked).toBe(53);
  });

  test("permits end with their window", () => {
    const counter = new Counter(60);
    const take = isolate(counter, 60);
    times(3, () => take(0));
    expect(admitted(times(100, (n) => take(MINUTE + n * 500)))).toBe(60);
  });

  test("while permits are on their way, others ask for one each", () => {
    const leases = new Leases();
    expect(times(5, () => leases.toAsk("k", 60, 1_000))).toEqual([7, 1, 1, 1, 1]);
    leases.taken("k", 1, { granted: 1, remaining: 59, reset_at: MINUTE }, 1_010);
    expect(leases.toAsk("k", 60, 1_020)).toBe(1);
    leases.taken("k", 7, { granted: 7, remaining: 52, reset_at: MINUTE }, 1_030);
    expect(times(2, () => leases.toAsk("k", 60, 1_040))).toEqual([7, 1]);
    // That one's client left.
    expect(leases.toAsk("k", 60, 2_500)).toBe(7);
    expect(leases.toAsk("other", 600, 2_500)).toBe(32);
    expect(leases.toAsk("small", 5, 2_500)).toBe(1);
  });

  test("answers that overtake each other lose no permit and open no window again", () => {
    const leases = new Leases();
    const first = { granted: 7, remaining: 53, reset_at: MINUTE };
    const second = { granted: 1, remaining: 52, reset_at: MINUTE };
    expect(leases.taken("k", 1, second, 10)).toMatchObject({ allowed: true });
    expect(leases.taken("k", 7, first, 10)).toMatchObject({ allowed: true, remaining: 58 });
    leases.taken("k", 1, { granted: 1, remaining: 59, reset_at: 2 * MINUTE }, MINUTE);
    expect(leases.taken("k", 1, { granted: 0, remaining: 0, reset_at: MINUTE }, MINUTE)).toMatchObject({
      allowed: false,
    });
    expect(leases.take("k", true, MINUTE)).toBeNull();
  });

  test("a clock that goes back leaves nobody locked out", () => {
    const counter = new Counter(1);
    const take = isolate(counter, 1);
    times(2, () => take(10 * MINUTE));
    const asked = counter.asked;
    take(0);
    expect(counter.asked).toBe(asked + 1);
  });

  test("remembers so many principals, and forgets those whose windows began first", () => {
    const counter = new Counter(1);
    const take = isolate(counter, 1);
    times(10_001, (n) => take(0, true, `k${n}`));
    const asked = counter.asked;
    take(0, true, "k10000");
    expect(counter.asked).toBe(asked);
    take(0, true, "k0");
    expect(counter.asked).toBe(asked + 1);
  });
});

test("several isolates together never admit more than the limit", () => {
  const counter = new Counter(60);
  const isolates = times(5, () => isolate(counter, 60));
  const takes = times(1_000, (n) => isolates[(n * n) % 5]?.(n, n % 7 === 0)).filter((take) => take !== undefined);
  expect(admitted(takes)).toBeLessThanOrEqual(60);
  expect(admitted(takes)).toBeGreaterThanOrEqual(60 - 5 * 7);
});
