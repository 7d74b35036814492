import { expect, test } from "vitest";
import { mean, quantile, welch } from "../../bench/welch.ts";

test("Welch's t, worked out by hand", () => {
  // Means 3 and 6, variances 2.5 and 10, five of each: -3 ÷ √(0.5 + 2).
  const [a, b] = [
    [1, 2, 3, 4, 5],
    [2, 4, 6, 8, 10],
  ];
  expect(welch(a, b)).toBeCloseTo(-3 / Math.sqrt(2.5), 12);
  expect(welch(b, a)).toBe(-welch(a, b));
});

test("what is alike differs in nothing", () => {
  expect(welch([1, 2, 3], [3, 2, 1])).toBe(0);
  expect(mean([1, 2, 6])).toBe(3);
});

test("a quantile is one of the samples", () => {
  const samples = [5, 1, 4, 2, 3];
  expect([0, 0.2, 0.5, 0.95, 1].map((part) => quantile(samples, part))).toEqual([1, 1, 3, 5, 5]);
});
