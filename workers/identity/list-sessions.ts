import { desc, eq, sql } from "drizzle-orm";
import type { SessionList } from "#contract/identity";
import { sessions } from "#tables/identity";
import type { Ctx } from "../core/context.ts";
import { needSession } from "./roles.ts";

/** The list has no pages; what is beyond this many is not shown, and of those that ended first. */
const LIST_MAX = 500;
/** How much of an id the documented list shows. */
const SHOWN = 8;

const iso = (time: number) => new Date(time).toISOString();

/** `GET /api/tokens`: one's own, newest first, and also those that ended lately. */
export async function listSessions(ctx: Ctx): Promise<SessionList> {
  const { id, session } = needSession(ctx);
  const isOpen = sql`(${sessions.revoked_at} IS NULL AND ${sessions.expires_at} > ${ctx.now()})`;
  const rows = await ctx.db
    .select()
    .from(sessions)
    .where(eq(sessions.user_id, id))
    .orderBy(desc(isOpen), desc(sessions.created_at), desc(sessions.id))
    .limit(LIST_MAX);
  const newestFirst = rows.sort((a, b) => b.created_at - a.created_at || (a.id < b.id ? 1 : -1));
  return {
    tokens: newestFirst.map((row) => ({
      id: row.id,
      token_id: `${row.id.slice(0, SHOWN)}...`,
      name: row.name,
      kind: row.kind,
      scopes: row.scopes,
      revoked: row.revoked_at !== null,
      current: row.id === session,
      created_at: iso(row.created_at),
      last_used_at: row.last_used_at === null ? null : iso(row.last_used_at),
      expires_at: iso(row.expires_at),
      ip: row.ip,
      user_agent: row.user_agent,
    })),
  };
}
