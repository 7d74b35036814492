/**
 * Counts a call against the limit of its face, its class and whoever calls. What guards secrets, searches and whatever
 * writes ask the `RateLimiter` object each time; reads mostly use a permit that this isolate holds. Once a window has
 * nothing left, refusals of this isolate ask nobody, so that a flood costs no call of the object.
 *
 * When the object cannot be reached, ordinary calls are let through: the limits keep one caller from slowing the
 * others, and must not be what stops everybody. Where passwords and codes are tried nobody gets in uncounted: 503.
 */
import type { Context } from "hono";
import type { RateLimiterRpc } from "#contract/limits";
import type { AppEnv } from "./app-env.ts";
import { ApiError } from "./errors.ts";
import { LIMITS, type Limit, type LimitClass, limitOf, principalOf } from "./limit-classes.ts";
import { Leases, type Take } from "./limit-leases.ts";
import { logFailure } from "./log.ts";
import { askObject } from "./object-calls.ts";

/** Addresses the `RateLimiter` object of a face, a class and a principal. */
export type Limiter = (env: AppEnv["Bindings"], key: string) => Pick<RateLimiterRpc, "take">;

/** What a reply tells about the limit it was counted against. */
export type Counted = Take & { most: number; window_ms: number };

const leases = new Leases();

/** Throws `rate_limited`; `unavailable` when nobody can count what guards secrets. */
export async function count(c: Context<AppEnv>, wanted: Exclude<LimitClass, "none">, reads: boolean): Promise<void> {
  // `c.var` is made anew for each look at it.
  const ctx = c.get("ctx");
  const face = c.get("face");
  const limit = limitOf(face, wanted, reads, ctx);
  if (!limit) return;
  const { key, most } = principalOf(limit, ctx);
  const exact = !reads || limit.by !== "credential";
  const take = await takeOne(c, `${face}:${limit.name}:${key}`, limit, most, exact);
  if (!take) return;
  c.set("counted", { ...take, most, window_ms: limit.window_ms });
  if (take.allowed) return;
  const wait = secondsUntil(take.reset_at, ctx.now());
  throw new ApiError("rate_limited", `Too many requests, try again in ${wait} s`, {
    headers: { "Retry-After": String(wait) },
  });
}

/** Null: nobody could count, and it does not matter. */
async function takeOne(
  c: Context<AppEnv>,
  key: string,
  { window_ms, guards }: Limit,
  most: number,
  exact: boolean,
): Promise<Take | null> {
  const ctx = c.get("ctx");
  const known = leases.take(key, exact, ctx.now());
  if (known) return known;
  const wanted = exact ? 1 : leases.toAsk(key, most, ctx.now());
  const ask = () => c.get("services").limiter(c.env, key).take(most, window_ms, wanted);
  try {
    const grant = guards ? await askObject("rate limiter", ask) : await ask();
    return leases.taken(key, wanted, grant, ctx.now());
  } catch (error) {
    if (guards) throw error;
    uncounted(error, ctx.now());
    return null;
  }
}

const TELL_EVERY_MS = 60_000;
let toldAt = 0;

function uncounted(error: unknown, now: number): void {
  if (Math.abs(now - toldAt) < TELL_EVERY_MS) return;
  toldAt = now;
  logFailure("calls are not counted: the rate limiter does not answer", error);
}

const secondsUntil = (time: number, now: number) => Math.max(1, Math.ceil((time - now) / 1000));

/** In the family of the face. */
export function limitHeaders(c: Context<AppEnv>): Record<string, string> {
  const counted = c.get("counted");
  if (!counted) return {};
  const { most, remaining, reset_at, window_ms } = counted;
  if (LIMITS[c.get("face")].headers === "ietf") {
    const reset = secondsUntil(reset_at, c.get("ctx").now());
    return {
      "RateLimit-Policy": `${most};w=${Math.ceil(window_ms / 1000)}`,
      RateLimit: `limit=${most}, remaining=${remaining}, reset=${reset}`,
    };
  }
  return {
    "X-RateLimit-Limit": String(most),
    "X-RateLimit-Remaining": String(remaining),
    "X-RateLimit-Reset": String(Math.ceil(reset_at / 1000)),
  };
}
