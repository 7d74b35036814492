/** `portal_` keys: looked up by their hash, revoked at once. */
import { and, eq, isNull } from "drizzle-orm";
import { type Actor, isAdminRole } from "#contract/identity";
import { hashKey, keyPrefix } from "#kit/keys";
import { shared } from "#kit/scopes";
import { api_keys, users } from "#tables/identity";
import type { Credential } from "../core/authenticate.ts";
import type { Ctx } from "../core/context.ts";
import { Known } from "./known.ts";
import { grantedScopes } from "./roles.ts";

type KeyActor = Extract<Actor, { kind: "api_key" }>;

const known = new Known({
  find: (db, hash) =>
    db
      .select({
        key_id: api_keys.id,
        id: users.id,
        username: users.username,
        role: users.role,
        scopes: api_keys.scopes,
        expires_at: api_keys.expires_at,
        revoked_at: api_keys.revoked_at,
        last_used_at: api_keys.last_used_at,
      })
      .from(api_keys)
      .innerJoin(users, and(eq(users.id, api_keys.user_id), isNull(users.deleted_at)))
      .where(eq(api_keys.key_hash, hash))
      .get(),
  used: (db, hash, last_used_at) => db.update(api_keys).set({ last_used_at }).where(eq(api_keys.key_hash, hash)).run(),
});

/**
 * The account that a key acts for, or null when it is not ours, expired, revoked, or its account is gone. Its scopes are
 * those that the account's role allows now, whatever it was when the key was made.
 */
export async function authenticateApiKey(
  ctx: Ctx,
  { value }: Extract<Credential, { form: "api_key" }>,
): Promise<KeyActor | null> {
  if (keyPrefix(value) !== "portal_") return null;
  const key = await known.get(ctx, await hashKey(value));
  if (!key || (key.expires_at !== null && key.expires_at <= ctx.now())) return null;
  const { id, username, role, key_id } = key;
  const scopes = isAdminRole(role) ? key.scopes : shared(key.scopes, grantedScopes(role, undefined));
  return { kind: "api_key", id, username, role, scopes, key_id };
}

/** A key that was revoked or deleted, or all of an account that was changed, do not count in this isolate any more. */
export function forgetApiKeys(userId: number, keyId?: number): void {
  known.forget((key) => key.id === userId && (keyId === undefined || key.key_id === keyId));
}
