/**
 * One count of failed logins for every way in: 20 in 15 minutes for each name and for each address, above the limits of
 * the operations. It is in D1, where a window outlives any object's memory.
 */
import { inArray, lt, sql } from "drizzle-orm";
import { clientBucket } from "#kit/client-address";
import { login_failures } from "#tables/identity";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { keyedHash } from "../core/keyed-hash.ts";

export const FAILURES_MAX = 20;
const WINDOW_MS = 15 * 60_000;

/** Says that the attempt did not fail after all. */
export type Forgive = () => Promise<void>;

/**
 * Counts an attempt as failed before its password is looked at, so that any number at once are no more than the limit.
 * Throws `rate_limited`.
 */
export async function countAttempt(ctx: Ctx, username: string): Promise<Forgive> {
  const now = ctx.now();
  const keys = await keysOf(ctx, username);
  const over = sql`${login_failures.since} <= ${now - WINDOW_MS}`;
  const counted = await ctx.db
    .insert(login_failures)
    .values(keys.map((key) => ({ key, failures: 1, since: now })))
    .onConflictDoUpdate({
      target: login_failures.key,
      set: {
        failures: sql`CASE WHEN ${over} THEN 1 ELSE ${login_failures.failures} + 1 END`,
        since: sql`CASE WHEN ${over} THEN ${now} ELSE ${login_failures.since} END`,
      },
    })
    .returning();
  const full = counted.filter(({ failures }) => failures > FAILURES_MAX);
  if (full.length > 0) {
    // Nothing was tried, so whoever has tried too often does not lock out others with it.
    await takeBack(
      ctx,
      keys.filter((key) => !full.some((row) => row.key === key)),
    );
    const until = Math.max(...full.map(({ since }) => since)) + WINDOW_MS;
    const wait = Math.max(1, Math.ceil((until - now) / 1000));
    throw new ApiError("rate_limited", `Too many failed logins, try again in ${Math.ceil(wait / 60)} min`, {
      headers: { "Retry-After": String(wait) },
    });
  }
  return () => takeBack(ctx, keys);
}

async function takeBack(ctx: Ctx, keys: string[]): Promise<void> {
  if (keys.length === 0) return;
  const failures = sql`max(0, ${login_failures.failures} - 1)`;
  await ctx.db.update(login_failures).set({ failures }).where(inArray(login_failures.key, keys));
}

/** While no address can be believed, all clients would count as one: then only the name counts. */
async function keysOf(ctx: Ctx, username: string): Promise<string[]> {
  const counted = [`name:${username.toLowerCase()}`, ...(ctx.ip === null ? [] : [`address:${clientBucket(ctx.ip)}`])];
  return Promise.all(counted.map((key) => keyedHash(ctx.settings, `login ${key}`)));
}

/** Returns how many rows went. */
export async function sweepLoginFailures(ctx: Ctx): Promise<number> {
  const { meta } = await ctx.db
    .delete(login_failures)
    .where(lt(login_failures.since, ctx.now() - WINDOW_MS))
    .run();
  return meta.changes;
}
