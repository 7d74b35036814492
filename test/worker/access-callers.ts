/** Those whom the access matrix has call every operation, and what each of them presents. */

import { eq } from "drizzle-orm";
import type { Face } from "../../schema/contract/identity.ts";
import { hashKey, newKey } from "../../schema/kit/keys.ts";
import { api_keys, app_tokens, users } from "../../schema/tables/identity.ts";
import type { Caller } from "../../workers/core/admits.ts";
import { closeSession, openSession } from "../../workers/identity/sessions.ts";
import { db, newUser, system } from "./client.ts";

export type Person = Awaited<ReturnType<typeof newUser>>;

const HOUR_MS = 3_600_000;

/** The bearer of a caller on a face, made for this one call; undefined: none. */
export async function bearerOf(caller: Caller, owner: Person, face: Face): Promise<string | undefined> {
  switch (caller) {
    case "anonymous":
      return undefined;
    case "other":
      return (await newUser("user")).token;
    case "owner":
      return owner.token;
    case "moderator":
    case "admin":
      return (await newUser(caller)).token;
    case "revoked_key":
      return REVOKED[face](owner);
    case "expired_token":
      // Longer ago than any grace.
      return (await session(owner, ["*"], -2 * HOUR_MS)).token;
    case "foreign_key":
      return face === "portal" ? appToken(owner) : portalKey(owner, ["*"]);
    case "unscoped_key":
      return NARROW[face](owner);
  }
}

type Bearer = (owner: Person) => Promise<string>;

/** The recorder has no keys: there it is the token of a session that was ended. */
const REVOKED: Record<Face, Bearer> = {
  portal: (owner) => portalKey(owner, ["*"], Date.now()),
  apps: (owner) => appToken(owner, null, Date.now()),
  recorder: async (owner) => {
    const { token, actor } = await session(owner, ["*"], HOUR_MS);
    await closeSession({ ...system(), actor });
    return token;
  },
};

const NARROW: Record<Face, Bearer> = {
  portal: (owner) => portalKey(owner, ["services:read"]),
  apps: (owner) => appToken(owner, 1),
  recorder: async (owner) => (await session(owner, ["services:read"], HOUR_MS)).token,
};

export async function session(owner: Person, scopes: string[], ttl_ms: number) {
  const row = await db.select().from(users).where(eq(users.id, owner.id)).get();
  if (!row) throw new Error("the owner is gone");
  const kind = "token";
  const { token, id } = await openSession(system(), row, { face: "portal", kind, scopes, name: null, ttl_ms });
  const { username, role } = row;
  return { token, id, actor: { kind: "user", id: row.id, username, role, scopes, session: id, via: kind } as const };
}

async function portalKey(owner: Person, scopes: string[], revoked_at: number | null = null): Promise<string> {
  const key = newKey("portal_");
  await db.insert(api_keys).values({
    user_id: owner.id,
    name: crypto.randomUUID(),
    key_prefix: key.slice(0, 10),
    key_hash: await hashKey(key),
    scopes,
    created_at: Date.now(),
    revoked_at,
  });
  return key;
}

/** `app_id`: of one app; null: of everything there. */
async function appToken(owner: Person, app_id: number | null = null, revoked_at: number | null = null) {
  const token = newKey("sk_");
  await db.insert(app_tokens).values({
    name: "test",
    token_hash: await hashKey(token),
    scope: app_id === null ? "global" : "app",
    app_id,
    created_by: owner.id,
    created_at: Date.now(),
    revoked_at,
  });
  return token;
}
