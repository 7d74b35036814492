import { aliasedTable, and, desc, eq, sql } from "drizzle-orm";
import type { Invite, InviteList } from "#contract/identity";
import { invite_codes, users } from "#tables/identity";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { dayOf, endOfDay, isUsable, isUsableRow, newInviteCode } from "./invite-codes.ts";
import { needRole } from "./roles.ts";

/** The list has no pages; what is beyond this many is not shown. */
const LIST_MAX = 500;

const creators = aliasedTable(users, "creators");

/** `GET /api/invite-code`: today's code, made when it is first asked for, and all there are. Throws `forbidden`. */
export async function listInvites(ctx: Ctx): Promise<InviteList> {
  needRole(ctx, "admin");
  const today = (await codeOfToday(ctx)) ?? (await makeCodeOfToday(ctx));
  const now = ctx.now();
  const rows = await ctx.db
    .select({ invite: invite_codes, creator: creators.username })
    .from(invite_codes)
    .leftJoin(creators, eq(creators.id, invite_codes.created_by))
    .orderBy(desc(invite_codes.id))
    .limit(LIST_MAX);
  return {
    invite_code: today.code,
    expires_at: new Date(today.expires_at ?? now).toISOString(),
    legacy_daily_code: today.code,
    codes: rows.map(({ invite, creator }) => shownInvite(invite, creator, now)),
  };
}

const codeOfToday = (ctx: Ctx) =>
  ctx.db
    .select()
    .from(invite_codes)
    .where(and(eq(invite_codes.day, dayOf(ctx.now())), isUsable(ctx.now())))
    .get();

async function makeCodeOfToday(ctx: Ctx) {
  const now = ctx.now();
  const row = { code: newInviteCode(), type: "daily", day: dayOf(now), expires_at: endOfDay(now) } as const;
  const insert = ctx.db
    .insert(invite_codes)
    .values({ ...row, created_at: now })
    .onConflictDoNothing();
  const id = sql`(SELECT ${invite_codes.id} FROM ${invite_codes} WHERE ${invite_codes.code} = ${row.code})`;
  const target = { type: "invite_code", id, name: null };
  await commitIf(ctx, insert, [{ action: "invite_code_create", target, details: { type: "daily", day: row.day } }]);
  const made = await codeOfToday(ctx);
  if (!made) throw new Error("the code of the day is gone right after it was made");
  return made;
}

function shownInvite(row: typeof invite_codes.$inferSelect, creator: string | null, now: number): Invite {
  return {
    id: row.id,
    code: row.code,
    type: row.type,
    label: row.label,
    created_by: row.created_by,
    created_by_username: creator,
    created_at: new Date(row.created_at).toISOString(),
    expires_at: row.expires_at === null ? null : new Date(row.expires_at).toISOString(),
    max_uses: row.max_uses,
    use_count: row.use_count,
    is_active: isUsableRow(row, now),
  };
}
