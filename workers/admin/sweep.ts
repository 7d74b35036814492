import { and, isNotNull, lt } from "drizzle-orm";
import { audit_log } from "#tables/admin";
import { outbox } from "#tables/events";
import type { Ctx } from "../core/context.ts";

const DAY_MS = 24 * 3_600_000;
const AUDIT_MS = 90 * DAY_MS;
const SENT_MS = 7 * DAY_MS;

/** Returns how many rows went. */
export async function sweepRecords(ctx: Ctx): Promise<number> {
  const now = ctx.now();
  const [audit, sent] = await ctx.db.batch([
    ctx.db.delete(audit_log).where(lt(audit_log.created_at, now - AUDIT_MS)),
    ctx.db.delete(outbox).where(and(isNotNull(outbox.sent_at), lt(outbox.sent_at, now - SENT_MS))),
  ]);
  return audit.meta.changes + sent.meta.changes;
}
