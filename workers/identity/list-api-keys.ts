import { desc, eq } from "drizzle-orm";
import type { ApiKeyList } from "#contract/credentials";
import { api_keys } from "#tables/identity";
import type { Ctx } from "../core/context.ts";
import { needSession } from "./roles.ts";

const iso = (time: number) => new Date(time).toISOString();

/** `GET /api/api-keys`: one's own, newest first, and also those that were revoked. Throws `forbidden` for keys. */
export async function listApiKeys(ctx: Ctx): Promise<ApiKeyList> {
  const { id } = needSession(ctx);
  const rows = await ctx.db.select().from(api_keys).where(eq(api_keys.user_id, id)).orderBy(desc(api_keys.id));
  return {
    api_keys: rows.map((row) => ({
      id: row.id,
      name: row.name,
      key_prefix: row.key_prefix,
      scopes: row.scopes.join(","),
      expires_at: row.expires_at === null ? null : iso(row.expires_at),
      last_used_at: row.last_used_at === null ? null : iso(row.last_used_at),
      created_at: iso(row.created_at),
      revoked: row.revoked_at !== null,
    })),
  };
}
