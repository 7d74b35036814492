/** Invite codes: what they look like, and when they let somebody in. */
import { and, eq, gt, isNull, lt, or, type SQL, sql } from "drizzle-orm";
import { invite_codes } from "#tables/identity";
import type { Ctx } from "../core/context.ts";

export const DAY_MS = 24 * 3_600_000;
/** Codes that let nobody in are kept this long, for whoever wonders who came by them. */
const KEEP_MS = 30 * DAY_MS;

/** `PORTAL-` and 48 random bits in upper-case hex; the limit on registering leaves no time to guess one. */
export function newInviteCode(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(6));
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return ["PORTAL", ...(hex.toUpperCase().match(/.{4}/g) ?? [])].join("-");
}

/** However somebody typed it. */
export const normalCode = (typed: string): string => typed.trim().toUpperCase();

/** The last millisecond of the UTC day. */
export const endOfDay = (now: number): number => (Math.floor(now / DAY_MS) + 1) * DAY_MS - 1;

/** `2026-11-28`. */
export const dayOf = (now: number): string => new Date(now).toISOString().slice(0, 10);

/** Condition of a code that lets somebody in at `now`. */
export const isUsable = (now: number): SQL | undefined =>
  and(
    isNull(invite_codes.deactivated_at),
    or(isNull(invite_codes.expires_at), gt(invite_codes.expires_at, now)),
    or(isNull(invite_codes.max_uses), lt(invite_codes.use_count, invite_codes.max_uses)),
  );

/** The same of a row that is here already. */
export const isUsableRow = (row: typeof invite_codes.$inferSelect, now: number): boolean =>
  row.deactivated_at === null &&
  (row.expires_at === null || row.expires_at > now) &&
  (row.max_uses === null || row.use_count < row.max_uses);

export const ofCode = (code: string): SQL => eq(invite_codes.code, normalCode(code));

/** Returns how many rows went. */
export async function sweepInviteCodes(ctx: Ctx): Promise<number> {
  const before = ctx.now() - KEEP_MS;
  const usedUp = and(sql`${invite_codes.use_count} >= ${invite_codes.max_uses}`, lt(invite_codes.last_used_at, before));
  const old = or(lt(invite_codes.deactivated_at, before), lt(invite_codes.expires_at, before), usedUp);
  const { meta } = await ctx.db.delete(invite_codes).where(old).run();
  return meta.changes;
}
