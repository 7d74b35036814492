import { and, eq, gt, lt, notExists, sql } from "drizzle-orm";
import type { RegisterReply, RegisterRequest } from "#contract/identity";
import { clientBucket } from "#kit/client-address";
import { invite_codes, invite_uses, registration_addresses, users } from "#tables/identity";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { keyedHash } from "../core/keyed-hash.ts";
import { defaultConnection } from "./default-connection.ts";
import { DAY_MS, isUsable, ofCode } from "./invite-codes.ts";
import { hashPassword } from "./password.ts";
import { usernameTaken } from "./username-taken.ts";

/** One account for each client address in this time. */
const ADDRESS_MS = DAY_MS;

/**
 * `POST /api/register`. The account, its first connection, the use of its code and its address are one commit: of any
 * number that register at once by a single-use code, one does. Throws `rate_limited` for a second account from one
 * address within 24 hours, `bad_invite_code`, and `invalid_request` for a name that is taken, in this order: whoever has
 * no code learns nothing of names.
 */
export async function register(ctx: Ctx, input: RegisterRequest): Promise<RegisterReply> {
  const address = await addressOf(ctx);
  const code = ofCode(input.invite_code);
  await refuse(ctx, address, code);
  const password_hash = await hashPassword(input.password);
  const now = ctx.now();
  const { username } = input;
  const insert = ctx.db
    .insert(users)
    .select(
      sql`SELECT NULL, ${username}, ${password_hash}, 'user', NULL, 'online', '', 0, '{}', NULL, NULL, ${now}, NULL
          FROM ${invite_codes} WHERE ${and(code, isUsable(now), address === null ? undefined : notExists(recent(ctx, address)))}`,
    )
    .returning({ id: users.id, username: users.username });
  // Within the batch the salted hash says which account is the one that was just made, if it was.
  const made = and(eq(users.username, username), eq(users.password_hash, password_hash));
  const id = sql<number>`(SELECT ${users.id} FROM ${users} WHERE ${made})`;
  const used = ctx.db
    .update(invite_codes)
    .set({ use_count: sql`${invite_codes.use_count} + 1`, last_used_at: now })
    .where(and(code, sql`${id} IS NOT NULL`));
  const use = ctx.db.insert(invite_uses).select(sql`
    SELECT ${users.id}, ${invite_codes.id} FROM ${users}, ${invite_codes} WHERE ${and(made, code)}`);
  const remember = ctx.db.run(sql`
    INSERT INTO ${registration_addresses} (address, registered_at) SELECT ${address}, ${now} FROM ${users} WHERE ${made}
    ON CONFLICT (address) DO UPDATE SET registered_at = excluded.registered_at`);
  const connection = await defaultConnection(ctx);
  const [user] = await usernameTaken("invalid_request", () =>
    commitIf(
      ctx,
      insert,
      [{ action: "register", target: { type: "user", id, name: username } }],
      [{ id: sql`'user:' || ${id} || ':joined'`, event: { type: "user.joined", user_id: id, username } }],
      [used, use, connection(made), ...(address === null ? [] : [remember])],
    ),
  );
  if (user) return { ...user, message: "Welcome: you can sign in now" };
  // Somebody else was faster.
  await refuse(ctx, address, code);
  throw new ApiError("bad_invite_code");
}

/** Null where no address can be believed: all clients would count as one, so that the limit does not count then. */
async function addressOf({ ip, settings }: Ctx): Promise<string | null> {
  return ip === null ? null : keyedHash(settings, `registration ${clientBucket(ip)}`);
}

const recent = (ctx: Ctx, address: string) =>
  ctx.db
    .select({ registered_at: registration_addresses.registered_at })
    .from(registration_addresses)
    .where(
      and(
        eq(registration_addresses.address, address),
        gt(registration_addresses.registered_at, ctx.now() - ADDRESS_MS),
      ),
    );

async function refuse(ctx: Ctx, address: string | null, code: ReturnType<typeof ofCode>): Promise<void> {
  const now = ctx.now();
  const before = address === null ? undefined : await recent(ctx, address).get();
  if (before) {
    const wait = Math.max(1, Math.ceil((before.registered_at + ADDRESS_MS - now) / 1000));
    throw new ApiError("rate_limited", "An account was registered from this address within the last 24 hours", {
      headers: { "Retry-After": String(wait) },
    });
  }
  const usable = await ctx.db
    .select({ id: invite_codes.id })
    .from(invite_codes)
    .where(and(code, isUsable(now)))
    .get();
  if (!usable) throw new ApiError("bad_invite_code");
}

/** Returns how many rows went. */
export async function sweepRegistrationAddresses(ctx: Ctx): Promise<number> {
  const old = lt(registration_addresses.registered_at, ctx.now() - ADDRESS_MS);
  const { meta } = await ctx.db.delete(registration_addresses).where(old).run();
  return meta.changes;
}
