/** Exact rate limits by class. Whom a limit counts is the client's address, where one is known. */
import { createMiddleware } from "hono/factory";
import type { RateLimiterRpc } from "#contract/limits";
import { clientBucket } from "#kit/client-address";
import type { AppEnv } from "./app-env.ts";
import { ApiError } from "./errors.ts";
import { askObject } from "./object-calls.ts";

/** `perClient` attempts in a window; `shared` by all clients together while no address can be believed. */
export const LIMITS = {
  auth: { perClient: 10, shared: 100, windowMs: 60_000 },
  chat_connect: { perClient: 60, shared: 6_000, windowMs: 60_000 },
} as const;
export type LimitClass = keyof typeof LIMITS;

/** Addresses the `RateLimiter` object of a class and client. */
export type Limiter = (env: AppEnv["Bindings"], key: string) => Pick<RateLimiterRpc, "take">;

/** Throws `rate_limited`; `unavailable` when nobody can count. */
export const limited = (limitClass: LimitClass) =>
  createMiddleware<AppEnv>(async (c, next) => {
    const { ip, now } = c.var.ctx;
    const { perClient, shared, windowMs } = LIMITS[limitClass];
    const key = `${limitClass}:${ip === null ? "local" : clientBucket(ip)}`;
    const most = ip === null ? shared : perClient;
    const permit = await askObject("rate limiter", () => c.var.services.limiter(c.env, key).take(most, windowMs));
    const headers = {
      "X-RateLimit-Limit": String(permit.limit),
      "X-RateLimit-Remaining": String(permit.remaining),
      "X-RateLimit-Reset": String(Math.ceil(permit.reset_at / 1000)),
    };
    if (!permit.allowed) {
      const wait = Math.max(1, Math.ceil((permit.reset_at - now()) / 1000));
      throw new ApiError("rate_limited", `Too many attempts, try again in ${wait} s`, {
        headers: { ...headers, "Retry-After": String(wait) },
      });
    }
    await next();
    // An upgrade's response must stay the object it is.
    if (c.res.status === 101) return;
    for (const [name, value] of Object.entries(headers)) c.header(name, value);
  });
