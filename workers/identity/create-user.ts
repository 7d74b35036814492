import { eq, sql } from "drizzle-orm";
import type { CreatedUser, UserInput } from "#contract/identity";
import { users } from "#tables/identity";
import { commit } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { defaultConnection } from "./default-connection.ts";
import { hashPassword } from "./password.ts";
import { aRole, mayManage, needRole } from "./roles.ts";
import { listedUser } from "./user-rows.ts";
import { usernameTaken } from "./username-taken.ts";

/** `POST /api/users`. Throws `forbidden` for roles that are not below one's own, `conflict` for a name that is taken. */
export async function createUser(ctx: Ctx, { username, password, role }: UserInput): Promise<CreatedUser> {
  const actor = needRole(ctx, "admin");
  if (!mayManage(actor.role, role)) throw new ApiError("forbidden", `You may not make ${aRole(role)}`);
  const password_hash = await hashPassword(password);
  const insert = ctx.db
    .insert(users)
    .values({ username, password_hash, role, created_at: ctx.now() })
    .returning({ id: users.id, username: users.username, role: users.role });
  const id = sql`(SELECT ${users.id} FROM ${users} WHERE ${users.username} = ${username})`;
  const target = { type: "user", id, name: username };
  const connection = await defaultConnection(ctx);
  const [[made]] = await usernameTaken("conflict", () =>
    commit(
      ctx,
      [insert, connection(eq(users.username, username))],
      [{ action: "user_create", target, details: { role } }],
    ),
  );
  if (!made) throw new Error("an account was not made");
  return listedUser(made);
}
