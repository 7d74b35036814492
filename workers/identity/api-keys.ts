/** `portal_` keys: looked up by their hash, revoked at once. */
import { and, eq, isNull } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import type { Actor } from "#contract/identity";
import { hashKey, keyPrefix } from "#kit/keys";
import { api_keys, users } from "#tables/identity";
import type { Credential } from "../core/authenticate.ts";
import type { Ctx } from "../core/context.ts";

type KeyActor = Extract<Actor, { kind: "api_key" }>;
type Known = KeyActor & { expires_at: number | null; checked_at: number };

/** Keys this isolate looked up lately, by hash; as sessions are. */
const known = new Map<string, Known>();
const KNOWN_MAX = 2000;
const KNOWN_MS = 8_000;
/** `last_used_at` is written at most this often. */
const USED_EVERY_MS = 5 * 60_000;

/** The account that a key acts for, or null when it is not ours, expired, revoked, or its account is gone. */
export async function authenticateApiKey(
  ctx: Ctx,
  { value }: Extract<Credential, { form: "api_key" }>,
): Promise<KeyActor | null> {
  if (keyPrefix(value) !== "portal_") return null;
  const now = ctx.now();
  const hash = await hashKey(value);
  const cached = known.get(hash);
  const key = cached && Math.abs(now - cached.checked_at) < KNOWN_MS ? cached : await load(ctx, hash, now);
  if (!key || (key.expires_at !== null && key.expires_at <= now)) return null;
  const { kind, id, username, role, scopes, key_id } = key;
  return { kind, id, username, role, scopes, key_id };
}

async function load(ctx: Ctx, hash: string, now: number): Promise<Known | null> {
  known.delete(hash);
  // A near replica answers most; a key that is new may only be known to the primary.
  const row = (await find(ctx, hash, "first-unconstrained")) ?? (await find(ctx, hash, "first-primary"));
  if (!row || row.revoked_at !== null) return null;
  const { last_used_at, revoked_at, ...rest } = row;
  if (now - (last_used_at ?? 0) > USED_EVERY_MS) {
    ctx.waitUntil(ctx.db.update(api_keys).set({ last_used_at: now }).where(eq(api_keys.id, row.key_id)).run());
  }
  if (known.size >= KNOWN_MAX) known.clear();
  const key: Known = { kind: "api_key", ...rest, checked_at: now };
  known.set(hash, key);
  return key;
}

function find(ctx: Ctx, hash: string, where: "first-unconstrained" | "first-primary") {
  // The session of D1 has all that a query needs; drizzle's type asks for the whole database.
  const db = drizzle(ctx.env.DB.withSession(where) as unknown as D1Database);
  return db
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
    .get();
}

/** A revoked key of the account, or all of them, do not count in this isolate any more. */
export function forgetApiKeys(userId: number, keyId?: number): void {
  for (const [hash, key] of known) {
    if (key.id === userId && (keyId === undefined || key.key_id === keyId)) known.delete(hash);
  }
}
