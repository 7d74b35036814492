/** `sk_` tokens of the apps face: looked up by their hash, revoked at once. */
import { and, eq, isNull } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import type { Actor } from "#contract/identity";
import { hashKey, keyPrefix } from "#kit/keys";
import { app_tokens, users } from "#tables/identity";
import type { Credential } from "../core/authenticate.ts";
import type { Ctx } from "../core/context.ts";

type TokenActor = Extract<Actor, { kind: "app_token" }>;
type Known = TokenActor & { allowed_ips: readonly string[] | null; checked_at: number };

/** Tokens this isolate looked up lately, by hash; as sessions are. */
const known = new Map<string, Known>();
const KNOWN_MAX = 2000;
const KNOWN_MS = 8_000;
/** `last_used_at` is written at most this often. */
const USED_EVERY_MS = 5 * 60_000;

/** Null when it is not ours, revoked, or not good from where the request comes. */
export async function authenticateAppToken(
  ctx: Ctx,
  { value }: Extract<Credential, { form: "app_token" }>,
): Promise<TokenActor | null> {
  if (keyPrefix(value) !== "sk_") return null;
  const now = ctx.now();
  const hash = await hashKey(value);
  const cached = known.get(hash);
  const token = cached && Math.abs(now - cached.checked_at) < KNOWN_MS ? cached : await load(ctx, hash, now);
  if (!token) return null;
  const { kind, id, name, app_id } = token;
  return { kind, id, name, app_id };
}

async function load(ctx: Ctx, hash: string, now: number): Promise<Known | null> {
  known.delete(hash);
  const row = (await find(ctx, hash, "first-unconstrained")) ?? (await find(ctx, hash, "first-primary"));
  if (!row || row.revoked_at !== null) return null;
  const { last_used_at, revoked_at, ...rest } = row;
  if (now - (last_used_at ?? 0) > USED_EVERY_MS) {
    ctx.waitUntil(ctx.db.update(app_tokens).set({ last_used_at: now }).where(eq(app_tokens.id, row.id)).run());
  }
  if (known.size >= KNOWN_MAX) known.clear();
  const token: Known = { kind: "app_token", ...rest, checked_at: now };
  known.set(hash, token);
  return token;
}

function find(ctx: Ctx, hash: string, where: "first-unconstrained" | "first-primary") {
  // The session of D1 has all that a query needs; drizzle's type asks for the whole database.
  const db = drizzle(ctx.env.DB.withSession(where) as unknown as D1Database);
  return db
    .select({
      id: app_tokens.id,
      name: app_tokens.name,
      app_id: app_tokens.app_id,
      allowed_ips: app_tokens.allowed_ips,
      revoked_at: app_tokens.revoked_at,
      last_used_at: app_tokens.last_used_at,
    })
    .from(app_tokens)
    .innerJoin(users, and(eq(users.id, app_tokens.created_by), isNull(users.deleted_at)))
    .where(eq(app_tokens.token_hash, hash))
    .get();
}

/** A revoked token does not count in this isolate any more. */
export function forgetAppToken(id: number): void {
  for (const [hash, token] of known) if (token.id === id) known.delete(hash);
}
