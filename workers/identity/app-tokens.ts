/** `sk_` tokens of the apps face: looked up by their hash, revoked at once. */
import { and, eq, inArray, isNull } from "drizzle-orm";
import { type Actor, isAdminRole, UserRole } from "#contract/identity";
import { isListed } from "#kit/address-list";
import { hashKey, keyPrefix } from "#kit/keys";
import { app_tokens, users } from "#tables/identity";
import type { Credential } from "../core/authenticate.ts";
import type { Ctx } from "../core/context.ts";
import { Known } from "./known.ts";

type TokenActor = Extract<Actor, { kind: "app_token" }>;

/** Whoever may make tokens. */
const MAKERS = UserRole.options.filter(isAdminRole);

const known = new Known({
  find: (db, hash) =>
    db
      .select({
        id: app_tokens.id,
        name: app_tokens.name,
        app_id: app_tokens.app_id,
        allowed_ips: app_tokens.allowed_ips,
        created_by: app_tokens.created_by,
        revoked_at: app_tokens.revoked_at,
        last_used_at: app_tokens.last_used_at,
      })
      .from(app_tokens)
      .innerJoin(users, and(eq(users.id, app_tokens.created_by), isNull(users.deleted_at), inArray(users.role, MAKERS)))
      .where(eq(app_tokens.token_hash, hash))
      .get(),
  used: (db, hash, last_used_at) =>
    db.update(app_tokens).set({ last_used_at }).where(eq(app_tokens.token_hash, hash)).run(),
});

/**
 * Null when it is not ours, revoked, not good from where the request comes, or when the account that made it is gone or
 * may not make any now.
 */
export async function authenticateAppToken(
  ctx: Ctx,
  { value }: Extract<Credential, { form: "app_token" }>,
): Promise<TokenActor | null> {
  if (keyPrefix(value) !== "sk_") return null;
  const token = await known.get(ctx, await hashKey(value));
  if (!token || (token.allowed_ips !== null && !isListed(ctx.ip, token.allowed_ips))) return null;
  const { id, name, app_id } = token;
  return { kind: "app_token", id, name, app_id };
}

/** A revoked token does not count in this isolate any more. */
export function forgetAppToken(id: number): void {
  known.forget((token) => token.id === id);
}

/** Nor do those of an account that is gone, or may make none any more. */
export function forgetAppTokensOf(userId: number): void {
  known.forget((token) => token.created_by === userId);
}
