/** What somebody says of themselves. Chat shows it at once; saying what is said already changes nothing. */
import { and, eq, or, type SQL, sql } from "drizzle-orm";
import type { AvatarChange, StatusChange } from "#contract/identity";
import { users } from "#tables/identity";
import { profileChanged } from "../chat/profile-changed.ts";
import { commitIf } from "../core/commit.ts";
import { stillIs } from "../core/conditional.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { needUser } from "./roles.ts";
import { holds, needHeld } from "./sessions.ts";

/** `PUT /api/me/status`. */
export async function changeStatus(ctx: Ctx, { status, status_message }: StatusChange) {
  const said = { status, ...(status_message !== undefined && { status_message }) };
  const now = await changeAccount(ctx, said, said);
  return { status: now.status, status_message: now.status_message };
}

/** `PUT /api/me/nickname`; null removes it. */
export async function changeNickname(ctx: Ctx, nickname: string | null) {
  await changeAccount(ctx, { nickname }, { nickname });
  return { nickname };
}

/** `PUT /api/me/avatar`: all of it; what is not said is no more. */
export async function changeAvatar(ctx: Ctx, avatar: AvatarChange) {
  await changeAccount(ctx, { avatar }, { avatar });
  return { avatar };
}

/** `PUT /api/me/anonymous`. */
export async function changeAnonymous(ctx: Ctx, anonymous: boolean) {
  await changeAccount(ctx, { chat_anonymous: anonymous ? 1 : 0 }, { anonymous });
  return { anonymous };
}

type Row = typeof users.$inferSelect;
type Fields = Partial<Pick<Row, "status" | "status_message" | "nickname" | "avatar" | "chat_anonymous" | "email">>;

type Terms = {
  /** As `commitIf` has them. */
  dependants?: Parameters<typeof commitIf>[4];
  /** What the account must still be like, as it was read. */
  expected?: Pick<Row, "nickname" | "email"> | undefined;
};

/**
 * Throws `unauthenticated` when its session or key has just ended: an address outlasts it; `precondition_failed` when it
 * is not what is expected.
 */
export async function changeAccount(
  ctx: Ctx,
  fields: Fields,
  details: Record<string, unknown>,
  { dependants = [], expected }: Terms = {},
): Promise<Row> {
  const actor = needUser(ctx);
  const { id, username } = actor;
  const differs = (Object.keys(fields) as (keyof Fields)[]).map(
    (field): SQL => sql`${users[field]} IS NOT ${sql.param(fields[field], users[field])}`,
  );
  const update = ctx.db
    .update(users)
    .set(fields)
    .where(and(eq(users.id, id), or(...differs), expected && stillIs(users, expected), holds(actor)))
    .returning();
  const audit = { action: "profile_update", target: { type: "user", id, name: username }, details } as const;
  const [changed] = await commitIf(ctx, update, [audit], [], dependants);
  if (changed) {
    ctx.waitUntil(profileChanged(ctx, id));
    return changed;
  }
  await needHeld(ctx, actor);
  const row = await ctx.db.select().from(users).where(eq(users.id, id)).get();
  if (!row) throw new ApiError("unauthenticated");
  const isDone = (Object.keys(fields) as (keyof Fields)[]).every((field) => row[field] === fields[field]);
  if (expected && !isDone) throw new ApiError("precondition_failed");
  return row;
}
