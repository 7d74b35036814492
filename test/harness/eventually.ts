import { vi } from "vitest";

/** So long that only what never comes fails: a machine busy with something else is no failure. */
const PATIENCE_MS = 15_000;

/** Repeats a check until it passes, and gives what it returned; fails with its last error. */
export const eventually = <T>(check: () => T | Promise<T>): Promise<T> =>
  vi.waitFor(check, { timeout: PATIENCE_MS, interval: 20 });
