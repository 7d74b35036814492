import { and, eq, notExists, sql } from "drizzle-orm";
import type { RegisterReply, RegisterRequest } from "#contract/identity";
import { invite_codes, invite_uses, users } from "#tables/identity";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { defaultConnection } from "./default-connection.ts";
import { isUsable, ofCode } from "./invite-codes.ts";
import { hashPassword } from "./password.ts";
import { addressOf, refuseSecondAccount, registeredFrom, remember } from "./registration-addresses.ts";
import { usernameTaken } from "./username-taken.ts";

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
          FROM ${invite_codes} WHERE ${and(code, isUsable(now), address === null ? undefined : notExists(registeredFrom(ctx, address)))}`,
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
  const connection = await defaultConnection(ctx);
  const [user] = await usernameTaken("invalid_request", () =>
    commitIf(
      ctx,
      insert,
      [{ action: "register", target: { type: "user", id, name: username } }],
      [{ id: sql`'user:' || ${id} || ':joined'`, event: { type: "user.joined", user_id: id, username } }],
      [used, use, connection(made), ...remember(ctx, address, made)],
    ),
  );
  if (user) return { ...user, message: "Welcome: you can sign in now" };
  // Somebody else was faster.
  await refuse(ctx, address, code);
  throw new ApiError("bad_invite_code");
}

async function refuse(ctx: Ctx, address: string | null, code: ReturnType<typeof ofCode>): Promise<void> {
  await refuseSecondAccount(ctx, address);
  const usable = await ctx.db
    .select({ id: invite_codes.id })
    .from(invite_codes)
    .where(and(code, isUsable(ctx.now())))
    .get();
  if (!usable) throw new ApiError("bad_invite_code");
}
