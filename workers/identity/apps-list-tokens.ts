import { desc, isNull } from "drizzle-orm";
import type { AppTokenList } from "#contract/apps-identity";
import { app_tokens } from "#tables/identity";
import type { Ctx } from "../core/context.ts";
import { needTokenRights } from "./apps-roles.ts";

/** The list has no pages; what is beyond this many is not shown, and of those that were revoked first. */
const LIST_MAX = 500;

const iso = (time: number) => new Date(time).toISOString();

/** `GET /api/v1/tokens`: whoever made them, newest first. Throws `forbidden` for whoever is no owner. */
export async function listAppTokens(ctx: Ctx): Promise<AppTokenList> {
  needTokenRights(ctx);
  const rows = await ctx.db
    .select()
    .from(app_tokens)
    .orderBy(desc(isNull(app_tokens.revoked_at)), desc(app_tokens.id))
    .limit(LIST_MAX);
  const newestFirst = rows.sort((a, b) => b.id - a.id);
  return newestFirst.map((row) => ({
    id: row.id,
    name: row.name,
    scope: row.scope,
    appId: row.app_id,
    allowedIps: row.allowed_ips,
    lastUsedAt: row.last_used_at === null ? null : iso(row.last_used_at),
    createdAt: iso(row.created_at),
    revoked: row.revoked_at !== null,
  }));
}
