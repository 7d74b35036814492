import { and, desc, eq, inArray, or, type SQL, sql } from "drizzle-orm";
import { type Activity, ActivityAction } from "#contract/audit";
import { audit_log } from "#tables/admin";
import type { Ctx } from "../core/context.ts";
import { atLeast, effectiveRole, needUser } from "../identity/roles.ts";

/** In words, for people; of what has a name, with that. */
const DETAIL: Record<ActivityAction, (name: string) => string> = {
  login: () => "Signed in",
  register: () => "Registered",
  stream_started: (title) => `Went live: ${title}`,
  stream_offline: (title) => `Went offline: ${title}`,
};

/** Whoever registers is nobody yet: the account is what came of it. */
const byId = sql<string>`CASE ${audit_log.action} WHEN 'register' THEN ${audit_log.target_id} ELSE ${audit_log.actor_id} END`;
const byName = sql<string>`CASE ${audit_log.action} WHEN 'register' THEN ${audit_log.target_name} ELSE ${audit_log.actor_name} END`;

/** `GET /api/activity`, newest first: one's own; of admins, everybody's, with the addresses it came from. */
export async function listActivity(ctx: Ctx, page: { limit: number; offset: number }): Promise<Activity[]> {
  const user = needUser(ctx);
  const shown: SQL | undefined = and(
    inArray(audit_log.action, ActivityAction.options),
    atLeast(effectiveRole(user), "admin") ? undefined : ownedBy(String(user.id)),
  );
  const rows = await ctx.db
    .select({
      id: audit_log.id,
      user_id: byId,
      username: byName,
      action: audit_log.action,
      target_name: audit_log.target_name,
      ip_address: audit_log.ip,
      created_at: audit_log.created_at,
    })
    .from(audit_log)
    .where(shown)
    .orderBy(desc(audit_log.id))
    .limit(page.limit)
    .offset(page.offset);
  return rows.map(({ target_name, ...row }) => {
    const action = ActivityAction.parse(row.action);
    const detail = DETAIL[action](target_name ?? "");
    const created_at = new Date(row.created_at).toISOString();
    return { ...row, user_id: Number(row.user_id), action, detail, details: detail, created_at };
  });
}

const ownedBy = (id: string): SQL | undefined =>
  or(
    and(inArray(audit_log.actor_kind, ["user", "stream_key"]), eq(audit_log.actor_id, id)),
    and(eq(audit_log.action, "register"), eq(audit_log.target_id, id)),
  );
