/** The end of a key, whichever way: it opens nothing any more, and its sockets are closed. */
import { and, eq, isNull } from "drizzle-orm";
import { api_keys } from "#tables/identity";
import { disconnectChat } from "../chat/disconnect.ts";
import { keySession } from "../chat/identity.ts";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { forgetApiKeys } from "./api-keys.ts";
import { needSession } from "./roles.ts";

type Key = Pick<typeof api_keys.$inferSelect, "id" | "user_id" | "name" | "key_prefix">;

/**
 * `POST /api/api-keys/{id}/revoke`, of a key of one's own. Once revoked it stays so; a second time changes nothing.
 * Throws `forbidden` for keys, `not_found`.
 */
export async function revokeApiKey(ctx: Ctx, id: number): Promise<void> {
  const key = await needOwnKey(ctx, id);
  const guard = ctx.db
    .update(api_keys)
    .set({ revoked_at: ctx.now() })
    .where(and(eq(api_keys.id, id), isNull(api_keys.revoked_at)));
  await end(ctx, key, "api_key_revoke", guard);
}

/** `DELETE /api/api-keys/{id}`, of a key of one's own, revoked or not. Throws `forbidden` for keys, `not_found`. */
export async function deleteApiKey(ctx: Ctx, id: number): Promise<void> {
  const key = await needOwnKey(ctx, id);
  await end(ctx, key, "api_key_delete", ctx.db.delete(api_keys).where(eq(api_keys.id, id)));
}

async function needOwnKey(ctx: Ctx, id: number): Promise<Key> {
  const { id: userId } = needSession(ctx);
  const key = await ctx.db
    .select()
    .from(api_keys)
    .where(and(eq(api_keys.id, id), eq(api_keys.user_id, userId)))
    .get();
  if (!key) throw new ApiError("not_found", "No such API key");
  return key;
}

async function end(
  ctx: Ctx,
  { id, user_id, name, key_prefix }: Key,
  action: "api_key_revoke" | "api_key_delete",
  guard: Parameters<typeof commitIf>[1],
): Promise<void> {
  await commitIf(ctx, guard, [{ action, target: { type: "api_key", id, name }, details: { key_prefix } }]);
  forgetApiKeys(user_id, id);
  ctx.waitUntil(disconnectChat(ctx, user_id, { session: keySession(id) }));
}
