import { sql } from "drizzle-orm";
import type { CreatedInvite, InviteInput } from "#contract/identity";
import { invite_codes } from "#tables/identity";
import { commit } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { DAY_MS, endOfDay, newInviteCode } from "./invite-codes.ts";
import { needRole } from "./roles.ts";

const TIMED_DAYS = 30;

/** `POST /api/admin/invite-codes`. Throws `forbidden`. */
export async function createInvite(ctx: Ctx, { type, label, duration_days }: InviteInput): Promise<CreatedInvite> {
  const { id: created_by } = needRole(ctx, "admin");
  const now = ctx.now();
  const row = {
    code: newInviteCode(),
    type,
    label: label || null,
    created_by,
    created_at: now,
    expires_at: expiry(type, duration_days, now),
    max_uses: type === "single_use" ? 1 : null,
  };
  const id = sql`(SELECT ${invite_codes.id} FROM ${invite_codes} WHERE ${invite_codes.code} = ${row.code})`;
  const target = { type: "invite_code", id, name: row.label };
  const [[made]] = await commit(
    ctx,
    [ctx.db.insert(invite_codes).values(row).returning({ id: invite_codes.id })],
    // Whoever may read the log is not therefore let in: the code itself is not in it.
    [{ action: "invite_code_create", target, details: { type, expires_at: row.expires_at } }],
  );
  if (!made) throw new Error("an invite code was not made");
  const { code, max_uses, expires_at } = row;
  const shown = expires_at === null ? null : new Date(expires_at).toISOString();
  return { id: made.id, code, type, label: row.label, expires_at: shown, max_uses };
}

function expiry(type: InviteInput["type"], days: number | undefined, now: number): number | null {
  switch (type) {
    case "daily":
      return endOfDay(now);
    case "timed":
      return now + (days ?? TIMED_DAYS) * DAY_MS;
    case "single_use":
      return days === undefined ? null : now + days * DAY_MS;
  }
}
