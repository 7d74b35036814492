/** From where somebody registered lately: one account for each client address in 24 hours. */
import { and, eq, gt, lt, type SQL, sql } from "drizzle-orm";
import { clientBucket } from "#kit/client-address";
import { registration_addresses, users } from "#tables/identity";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { keyedHash } from "../core/keyed-hash.ts";
import { DAY_MS } from "./invite-codes.ts";

/** Null where no address can be believed: all clients would count as one, so that the limit does not count then. */
export async function addressOf({ ip, settings }: Ctx): Promise<string | null> {
  return ip === null ? null : keyedHash(settings, `registration ${clientBucket(ip)}`);
}

/** To be none, where an account is made. */
export const registeredFrom = (ctx: Ctx, address: string) =>
  ctx.db
    .select({ registered_at: registration_addresses.registered_at })
    .from(registration_addresses)
    .where(
      and(eq(registration_addresses.address, address), gt(registration_addresses.registered_at, ctx.now() - DAY_MS)),
    );

/** Throws `rate_limited`. */
export async function refuseSecondAccount(ctx: Ctx, address: string | null): Promise<void> {
  const before = address === null ? undefined : await registeredFrom(ctx, address).get();
  if (!before) return;
  const wait = Math.max(1, Math.ceil((before.registered_at + DAY_MS - ctx.now()) / 1000));
  throw new ApiError("rate_limited", "An account was registered from this address within the last 24 hours", {
    headers: { "Retry-After": String(wait) },
  });
}

/** Statements that keep the address, if the account that is `made` was. */
export const remember = (ctx: Ctx, address: string | null, made: SQL | undefined) =>
  address === null
    ? []
    : [
        ctx.db.run(sql`
          INSERT INTO ${registration_addresses} (address, registered_at)
          SELECT ${address}, ${ctx.now()} FROM ${users} WHERE ${made}
          ON CONFLICT (address) DO UPDATE SET registered_at = excluded.registered_at`),
      ];

/** Returns how many rows went. */
export async function sweepRegistrationAddresses(ctx: Ctx): Promise<number> {
  const old = lt(registration_addresses.registered_at, ctx.now() - DAY_MS);
  const { meta } = await ctx.db.delete(registration_addresses).where(old).run();
  return meta.changes;
}
