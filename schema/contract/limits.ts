/** Rate limits: the RPC of the `RateLimiter` object. Its name is `<face>:<class>:<principal>`. */

/** Longer windows outlive the object's memory, on disk. */
export const MEMORY_WINDOW_MS = 60_000;
export const LIMIT_WINDOW_MAX_MS = 86_400_000;

export type Grant = {
  /** How many attempts were counted, 0 to what was asked for. */
  granted: number;
  /** What the window has left after them. */
  remaining: number;
  /** When the window ends, UTC ms. */
  reset_at: number;
};

export interface RateLimiterRpc {
  /**
   * Counts attempts against `limit` in fixed windows of `window_ms`: up to `most` of them, but at least one while one is
   * left. Together the grants of a window are never more than its limit. Throws `RangeError`.
   */
  take(limit: number, window_ms: number, most: number): Promise<Grant>;
}
