import { and, eq } from "drizzle-orm";
import { ssh_keys } from "#tables/identity";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { needSession } from "./roles.ts";
import { noSuchSshKey } from "./ssh-keys.ts";

/**
 * `DELETE /api/ssh-keys/{id}`, of a key of one's own. Where its line is in `authorized_keys` it still opens. Throws
 * `forbidden` for API keys, `not_found`.
 */
export async function deleteSshKey(ctx: Ctx, id: number): Promise<void> {
  const { id: userId } = needSession(ctx);
  const own = and(eq(ssh_keys.id, id), eq(ssh_keys.user_id, userId));
  const key = await ctx.db.select().from(ssh_keys).where(own).get();
  if (!key) throw noSuchSshKey();
  const { name, fingerprint } = key;
  await commitIf(ctx, ctx.db.delete(ssh_keys).where(own), [
    { action: "ssh_key_delete", target: { type: "ssh_key", id, name }, details: { fingerprint } },
  ]);
}
