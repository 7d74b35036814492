import { and, asc, isNull, ne, or, type SQL, sql } from "drizzle-orm";
import type { FoundUsers } from "#contract/identity";
import { users } from "#tables/identity";
import type { Ctx } from "../core/context.ts";
import { needUser } from "./roles.ts";

const FOUND_MAX = 20;

/** `GET /api/chat/users`: others whose name or nickname has `q` in it; those that begin with it come first. */
export async function searchUsers(ctx: Ctx, q: string): Promise<FoundUsers> {
  const { id } = needUser(ctx);
  const places = [position(users.username, q), ...spellings(q).map((each) => position(users.nickname, each))];
  const begins = or(...places.map((place) => sql`${place} = 1`));
  const found = await ctx.db
    .select({ id: users.id, username: users.username, nickname: users.nickname })
    .from(users)
    .where(and(isNamedLike(q), ne(users.id, id), isNull(users.deleted_at)))
    .orderBy(sql`CASE WHEN ${begins} THEN 0 ELSE 1 END`, asc(users.username))
    .limit(FOUND_MAX);
  return { users: found };
}

/** Not LIKE, whose wildcards people type, and whose patterns D1 keeps to 50 bytes. */
export const isNamedLike = (q: string): SQL | undefined =>
  or(
    sql`${position(users.username, q)} > 0`,
    ...spellings(q).map((each) => sql`${position(users.nickname, each)} > 0`),
  );

/** SQLite's `lower` knows ASCII only: other letters are looked for small, capital, and with each word's first capital. */
function spellings(q: string): string[] {
  const small = q.toLowerCase();
  const titled = small.replace(/(?<![\p{L}\p{M}\p{N}])\p{L}/gu, (letter) => letter.toUpperCase());
  return [...new Set([q, small, q.toUpperCase(), titled])];
}

/** From 1; 0 where it is not, null of no name. */
const position = (name: typeof users.username | typeof users.nickname, q: string): SQL =>
  sql`instr(lower(${name}), lower(${q}))`;
