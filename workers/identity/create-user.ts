import { and, eq, sql } from "drizzle-orm";
import type { CreatedUser, UserInput } from "#contract/identity";
import { users } from "#tables/identity";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { defaultConnection } from "./default-connection.ts";
import { hashPassword } from "./password.ts";
import { aRole, mayManage, needRole } from "./roles.ts";
import { holds, needHeld } from "./sessions.ts";
import { listedUser } from "./user-rows.ts";
import { usernameTaken } from "./username-taken.ts";

/**
 * `POST /api/users`. Throws `forbidden` for roles that are not below one's own, `conflict` for a name that is taken,
 * `unauthenticated` when one has just been signed out.
 */
export async function createUser(ctx: Ctx, { username, password, role }: UserInput): Promise<CreatedUser> {
  const actor = needRole(ctx, "admin");
  if (!mayManage(actor.role, role)) throw new ApiError("forbidden", `You may not make ${aRole(role)}`);
  const password_hash = await hashPassword(password);
  const insert = ctx.db
    .insert(users)
    .select(
      sql`SELECT NULL, ${username}, ${password_hash}, ${role}, NULL, 'online', '', 0, '{}', NULL, NULL, ${ctx.now()}, NULL
          WHERE ${holds(actor)}`,
    )
    .returning({ id: users.id, username: users.username, role: users.role });
  // Within the batch the salted hash says which account is the one that was just made, if it was.
  const isMade = and(eq(users.username, username), eq(users.password_hash, password_hash));
  const id = sql`(SELECT ${users.id} FROM ${users} WHERE ${isMade})`;
  const target = { type: "user", id, name: username };
  const connection = await defaultConnection(ctx);
  const [made] = await usernameTaken("conflict", () =>
    commitIf(ctx, insert, [{ action: "user_create", target, details: { role } }], [], [connection(isMade)]),
  );
  if (!made) {
    await needHeld(ctx, actor);
    throw new Error("an account was not made");
  }
  return listedUser(made);
}
