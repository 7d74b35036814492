import { DurableObject } from "cloudflare:workers";
import { type Grant, LIMIT_WINDOW_MAX_MS, MEMORY_WINDOW_MS, type RateLimiterRpc } from "#contract/limits";
import type { Env } from "../workers/core/env.ts";

type Window = { used: number; reset_at: number };
const WINDOW = "window";
/** Whoever asks for several gets no more than this part of what is left, so that others find some. */
const SHARE = 4;

/**
 * Counts the attempts of one principal in fixed windows. A window of at most a minute lives in memory: an eviction
 * (idle for about ten seconds at least) forgets no more than that, and an attempt costs no storage. A longer one is
 * kept on disk until it is over.
 */
export class RateLimiter extends DurableObject<Env> implements RateLimiterRpc {
  #window: Window | undefined;

  /** Nothing is awaited between looking and counting, so any number of calls at once are counted one by one. */
  async take(limit: number, windowMs: number, most: number): Promise<Grant> {
    if (!(limit >= 1 && most >= 1 && windowMs >= 1 && windowMs <= LIMIT_WINDOW_MAX_MS)) {
      throw new RangeError("no such limit");
    }
    const { storage } = this.ctx;
    const lasting = windowMs > MEMORY_WINDOW_MS;
    const now = Date.now();
    let window = this.#window ?? (lasting ? storage.kv.get<Window>(WINDOW) : undefined);
    // A clock that went back must not lock anybody out for longer than a window.
    if (!window || now >= window.reset_at || window.reset_at - now > windowMs) {
      window = { used: 0, reset_at: now + windowMs };
      if (lasting) void storage.setAlarm(window.reset_at);
    }
    this.#window = window;
    const left = Math.max(0, limit - window.used);
    const granted = Math.min(left, most, Math.max(1, Math.floor(left / SHARE)));
    window.used += granted;
    if (lasting && granted > 0) storage.kv.put(WINDOW, window);
    return { granted, remaining: left - granted, reset_at: window.reset_at };
  }

  /** A window that was kept is over, unless a new one has begun since. */
  override async alarm(): Promise<void> {
    const kept = this.ctx.storage.kv.get<Window>(WINDOW);
    if (kept && kept.reset_at > Date.now()) await this.ctx.storage.setAlarm(kept.reset_at);
    else await this.ctx.storage.deleteAll();
  }
}
