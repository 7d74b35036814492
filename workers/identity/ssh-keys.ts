/** SSH keys as people see their own, and admins everybody's. */
import { and, desc, eq } from "drizzle-orm";
import type { AllSshKeys, SshKey, SshKeyList } from "#contract/credentials";
import { ssh_keys, users } from "#tables/identity";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { atLeast, effectiveRole, needRole, needUser } from "./roles.ts";
import { needUserRow } from "./user-rows.ts";

type Row = typeof ssh_keys.$inferSelect;

const LIST_MAX = 1000;

/** `GET /api/ssh-keys`: one's own, newest first. */
export async function listSshKeys(ctx: Ctx): Promise<SshKeyList> {
  const { id } = needUser(ctx);
  return { keys: (await rowsOf(ctx, id)).map(shown) };
}

/** `GET /api/ssh-keys/all`, newest first. Throws `forbidden` below admins. */
export async function listAllSshKeys(ctx: Ctx): Promise<AllSshKeys> {
  needRole(ctx, "admin");
  const rows = await ctx.db
    .select({ key: ssh_keys, username: users.username })
    .from(ssh_keys)
    .innerJoin(users, eq(users.id, ssh_keys.user_id))
    .orderBy(desc(ssh_keys.id))
    .limit(LIST_MAX);
  return { keys: rows.map(({ key, username }) => ({ ...shown(key), user_id: key.user_id, username })) };
}

/**
 * `GET /api/ssh-keys/authorized`: one's own, or for admins somebody's, as a text for `authorized_keys`. Throws
 * `forbidden` below admins for somebody else's, `not_found`.
 */
export async function authorizedKeys(ctx: Ctx, userId: number | undefined): Promise<string> {
  const { id } = needUser(ctx);
  if (userId !== undefined && userId !== id) {
    needRole(ctx, "admin");
    await needUserRow(ctx, userId);
  }
  return (await rowsOf(ctx, userId ?? id)).map(({ public_key }) => `${public_key}\n`).join("");
}

/** `GET /api/ssh-keys/{id}`: one's own, or for admins anybody's. Throws `not_found`. */
export async function getSshKey(ctx: Ctx, id: number): Promise<SshKey> {
  const user = needUser(ctx);
  const all = atLeast(effectiveRole(user), "admin");
  const row = await ctx.db
    .select()
    .from(ssh_keys)
    .where(and(eq(ssh_keys.id, id), all ? undefined : eq(ssh_keys.user_id, user.id)))
    .get();
  if (!row) throw noSuchSshKey();
  return shown(row);
}

export const noSuchSshKey = () => new ApiError("not_found", "No such SSH key");

const rowsOf = (ctx: Ctx, userId: number): Promise<Row[]> =>
  ctx.db.select().from(ssh_keys).where(eq(ssh_keys.user_id, userId)).orderBy(desc(ssh_keys.id));

const shown = ({ id, name, key_type, public_key, fingerprint, created_at, last_used_at }: Row): SshKey => ({
  id,
  name,
  key_type,
  public_key,
  fingerprint,
  created_at: new Date(created_at).toISOString(),
  last_used_at: last_used_at === null ? null : new Date(last_used_at).toISOString(),
});
