import { and, count, desc, eq, gte, inArray, or, sql } from "drizzle-orm";
import { type AuditLog, ModerationAction } from "#contract/audit";
import { audit_log } from "#tables/admin";
import type { Ctx } from "../core/context.ts";
import { needRole } from "../identity/roles.ts";

export type AuditQuery = {
  action?: ModerationAction | undefined;
  actor_id?: number | undefined;
  channel_id?: number | undefined;
  /** UTC ms. */
  since?: number | undefined;
  limit: number;
  offset: number;
};

/** `GET /api/admin/audit-log`, newest first, and how many there are on all pages. Throws `forbidden`. */
export async function readAuditLog(ctx: Ctx, query: AuditQuery): Promise<AuditLog> {
  needRole(ctx, "moderator");
  const { action, actor_id, channel_id, since } = query;
  const where = and(
    inArray(audit_log.action, action === undefined ? ModerationAction.options : [action]),
    actor_id === undefined ? undefined : eq(audit_log.actor_id, String(actor_id)),
    channel_id === undefined
      ? undefined
      : or(
          and(eq(audit_log.target_type, "channel"), eq(audit_log.target_id, String(channel_id))),
          and(
            eq(audit_log.target_type, "message"),
            eq(sql`json_extract(${audit_log.details}, '$.channel_id')`, channel_id),
          ),
        ),
    since === undefined ? undefined : gte(audit_log.created_at, since),
  );
  const [rows, [counted]] = await ctx.db.batch([
    ctx.db.select().from(audit_log).where(where).orderBy(desc(audit_log.id)).limit(query.limit).offset(query.offset),
    ctx.db
      .select({ total: count(sql`1`) })
      .from(audit_log)
      .where(where),
  ]);
  return { entries: rows.map(shownRow), total: counted?.total ?? 0 };
}

function shownRow(row: typeof audit_log.$inferSelect): AuditLog["entries"][number] {
  const channel = channelOf(row);
  return {
    id: row.id,
    action: ModerationAction.parse(row.action),
    actor_id: numeric(row.actor_id),
    actor_username: row.actor_name,
    target_id: numeric(row.target_id),
    target_type: row.target_type,
    target_name: row.target_name,
    details: row.details,
    channel_id: channel.id,
    channel_name: channel.name,
    created_at: new Date(row.created_at).toISOString(),
  };
}

/** The channel that it was done to, or in, as it was called then. */
function channelOf({ target_type, target_id, target_name, details }: typeof audit_log.$inferSelect) {
  if (target_type === "channel") return { id: numeric(target_id), name: target_name };
  if (target_type === "message") {
    const { channel_id, channel } = details;
    return { id: Number(channel_id), name: String(channel) };
  }
  return { id: null, name: null };
}

/** What is not numbered, such as the system, has no id there. */
const numeric = (id: string | null): number | null => (id !== null && /^\d+$/.test(id) ? Number(id) : null);
