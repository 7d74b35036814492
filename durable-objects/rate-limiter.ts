import { DurableObject } from "cloudflare:workers";
import { LIMIT_WINDOW_MAX_MS, type Permit, type RateLimiterRpc } from "#contract/limits";
import type { Env } from "../workers/core/env.ts";

/**
 * Counts the attempts of one principal in fixed windows. The count lives in memory: an eviction (idle for about ten
 * seconds at least) forgets at most one window of a minute, and an attempt costs no storage.
 */
export class RateLimiter extends DurableObject<Env> implements RateLimiterRpc {
  #used = 0;
  #resetAt = 0;

  async take(limit: number, windowMs: number): Promise<Permit> {
    if (!(limit >= 1 && windowMs >= 1 && windowMs <= LIMIT_WINDOW_MAX_MS)) throw new RangeError("no such limit");
    const now = Date.now();
    // A clock that went back must not lock anybody out for longer than a window.
    if (now >= this.#resetAt || this.#resetAt - now > windowMs) {
      this.#used = 0;
      this.#resetAt = now + windowMs;
    }
    const allowed = this.#used < limit;
    if (allowed) this.#used += 1;
    return { allowed, limit, remaining: limit - this.#used, reset_at: this.#resetAt };
  }
}
