import { and, eq, getTableColumns, notExists, sql } from "drizzle-orm";
import type { AppsSignup, AppsToken } from "#contract/apps-identity";
import { NewUsername } from "#contract/identity";
import { users } from "#tables/identity";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { openAppsSession } from "./apps-log-in.ts";
import { defaultConnection } from "./default-connection.ts";
import { emailTaken } from "./email-taken.ts";
import { hashPassword } from "./password.ts";
import { addressOf, refuseSecondAccount, registeredFrom, remember } from "./registration-addresses.ts";
import type { UserRow } from "./user-rows.ts";
import { usernameTaken } from "./username-taken.ts";

/** Whoever shares the beginning of an address with so many gets a name by chance. */
const NAMES_TRIED = 5;

/**
 * `POST /api/v1/auth/signup`: an ordinary account, named after the address, and signed in. Throws `signup_disabled`
 * unless the operator lets people sign up, `rate_limited` for a second account from one address within 24 hours, and
 * `invalid_request` for an e-mail address that somebody has.
 */
export async function signUp(ctx: Ctx, { email, password }: AppsSignup): Promise<AppsToken> {
  if (!ctx.settings.allowSignup) throw new ApiError("signup_disabled");
  const address = await addressOf(ctx);
  await refuseSecondAccount(ctx, address);
  const password_hash = await hashPassword(password);
  for (const username of namesFor(email)) {
    const user = await create(ctx, { email, username, password_hash }, address);
    if (user) return openAppsSession(ctx, user);
    // Somebody else from there was faster, or the name is taken.
    await refuseSecondAccount(ctx, address);
  }
  throw new ApiError("unavailable", "No free name was found: try again");
}

type NewAccount = Pick<UserRow, "username" | "password_hash"> & { email: string };

/** Null when the name is taken, or there is an account from the address already. */
async function create(ctx: Ctx, account: NewAccount, address: string | null): Promise<UserRow | null> {
  const { email, username, password_hash } = account;
  const now = ctx.now();
  const insert = ctx.db
    .insert(users)
    .select(
      sql`SELECT NULL, ${username}, ${password_hash}, 'user', NULL, 'online', '', 0, '{}', ${email}, NULL, ${now}, NULL
          WHERE ${address === null ? sql`true` : notExists(registeredFrom(ctx, address))}`,
    )
    .returning(getTableColumns(users));
  // Within the batch the salted hash says which account is the one that was just made, if it was.
  const made = and(eq(users.username, username), eq(users.password_hash, password_hash));
  const id = sql<number>`(SELECT ${users.id} FROM ${users} WHERE ${made})`;
  const connection = await defaultConnection(ctx);
  const write = () =>
    commitIf(
      ctx,
      insert,
      [{ action: "register", target: { type: "user", id, name: username } }],
      [{ id: sql`'user:' || ${id} || ':joined'`, event: { type: "user.joined", user_id: id, username } }],
      [connection(made), ...remember(ctx, address, made)],
    );
  try {
    const [user] = await emailTaken(() => usernameTaken("conflict", write));
    return user ?? null;
  } catch (error) {
    if (error instanceof ApiError && error.code === "conflict") return null;
    throw error;
  }
}

/** The beginning of the address as far as it is a name, then with something after it. */
function namesFor(email: string): string[] {
  const local = (email.split("@")[0] ?? "").replace(/[^A-Za-z0-9_-]+/g, "-").slice(0, 24);
  const base = NewUsername.safeParse(local).success ? local : `user-${local}`.slice(0, 24).replace(/-$/, "");
  const suffixes = Array.from({ length: NAMES_TRIED - 1 }, () => crypto.randomUUID().slice(0, 5));
  return [base, ...suffixes.map((suffix) => `${base}-${suffix}`)];
}
