/** Accounts for tests, with a session each. Runs in workerd, in the Workers of tests. */
import { drizzle } from "drizzle-orm/d1";
import { users } from "#tables/identity";
import { type Ctx, systemContext } from "../../workers/core/context.ts";
import type { Env } from "../../workers/core/env.ts";
import { grantedScopes } from "../../workers/identity/roles.ts";
import { openSession } from "../../workers/identity/sessions.ts";
import type { TestUser, UsersOrder } from "./chat-orders.ts";

const ACCOUNTS_AT_ONCE = 20;

async function newUser(ctx: Ctx, role: UsersOrder["role"]): Promise<TestUser> {
  const username = `${role}_${crypto.randomUUID().slice(0, 8)}`;
  // Nobody logs in: a real hash costs 40 ms.
  const row = { username, password_hash: "none", role, created_at: Date.now() };
  const user = await drizzle(ctx.env.DB).insert(users).values(row).returning().get();
  const { token } = await openSession(ctx, user, {
    face: "portal",
    kind: "token",
    scopes: grantedScopes(role, undefined),
    name: null,
    ttl_ms: 3_600_000,
  });
  return { id: user.id, username, token };
}

export async function newUsers(env: Env, { count, role }: UsersOrder): Promise<TestUser[]> {
  const ctx = systemContext(env, "test", () => undefined);
  const made: TestUser[] = [];
  while (made.length < count) {
    const some = Math.min(ACCOUNTS_AT_ONCE, count - made.length);
    made.push(...(await Promise.all(Array.from({ length: some }, () => newUser(ctx, role)))));
  }
  return made;
}
