/** Exact rate limits: the RPC of the `RateLimiter` object. Its name is `<class>:<principal or address>`. */

/** Windows longer than this would have to survive an eviction of the object. */
export const LIMIT_WINDOW_MAX_MS = 60_000;

export type Permit = {
  allowed: boolean;
  limit: number;
  remaining: number;
  /** When the window ends, UTC ms. */
  reset_at: number;
};

export interface RateLimiterRpc {
  /** Count one attempt against `limit` per fixed window of `window_ms` (at most a minute). */
  take(limit: number, window_ms: number): Promise<Permit>;
}
