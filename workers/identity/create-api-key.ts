import { sql } from "drizzle-orm";
import type { ApiKeyInput, CreatedApiKey } from "#contract/credentials";
import { hashKey, newKey } from "#kit/keys";
import { shared } from "#kit/scopes";
import { api_keys } from "#tables/identity";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { hasRoom, makeKey } from "./own-keys.ts";
import { grantedScopes, needSession } from "./roles.ts";

/** How much of a key the list shows. */
const SHOWN = 10;
const DAY_MS = 24 * 3_600_000;

/**
 * `POST /api/api-keys`. The key may do no more than the session that asks for it. Throws `forbidden` for keys,
 * `invalid_request` for a name that another key has, for scopes beyond the session's, and when there are too many;
 * `unauthenticated` when the session has just ended.
 */
export async function createApiKey(
  ctx: Ctx,
  { name, scopes: asked, expires_in_days }: ApiKeyInput,
): Promise<CreatedApiKey> {
  const actor = needSession(ctx);
  const scopes = shared(grantedScopes(actor.role, asked), actor.scopes);
  if (scopes.length === 0) {
    const message = "must be among those of your session";
    throw new ApiError("invalid_request", `scopes ${message}`, { details: [{ field: "scopes", message }] });
  }
  const now = ctx.now();
  const expires_at = expires_in_days === null ? null : now + expires_in_days * DAY_MS;
  const key = newKey("portal_");
  const [key_prefix, hash] = [key.slice(0, SHOWN), await hashKey(key)];
  const insert = ctx.db
    .insert(api_keys)
    .select(
      sql`SELECT NULL, ${actor.id}, ${name}, ${key_prefix}, ${hash}, ${JSON.stringify(scopes)}, ${now}, ${expires_at}, NULL, NULL
          WHERE ${hasRoom(api_keys, actor)}`,
    )
    .returning({ id: api_keys.id });
  const target = {
    type: "api_key",
    id: sql`(SELECT ${api_keys.id} FROM ${api_keys} WHERE ${api_keys.key_hash} = ${hash})`,
    name,
  };
  const id = await makeKey(ctx, api_keys, actor, () =>
    commitIf(ctx, insert, [{ action: "api_key_create", target, details: { key_prefix, scopes, expires_at } }]),
  );
  return {
    id,
    name,
    api_key: key,
    key,
    key_prefix,
    prefix: key_prefix,
    scopes: scopes.join(","),
    expires_at: expires_at === null ? null : new Date(expires_at).toISOString(),
    warning: "Keep the key now: it is not shown again",
  };
}
