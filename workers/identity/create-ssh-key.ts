import { sql } from "drizzle-orm";
import type { CreatedSshKey, SshKeyInput } from "#contract/credentials";
import { ssh_keys } from "#tables/identity";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { generateSshKey } from "./generate-ssh-key.ts";
import { hasRoom, makeKey } from "./own-keys.ts";
import { needSession } from "./roles.ts";

/**
 * `POST /api/ssh-keys`: the private key is in the reply and is not kept. Throws `forbidden` for API keys,
 * `invalid_request` for a name that another key has, and when there are too many; `unauthenticated` when the session has
 * just ended.
 */
export async function createSshKey(ctx: Ctx, { name, key_type }: SshKeyInput): Promise<CreatedSshKey> {
  const actor = needSession(ctx);
  const comment = `${actor.username.replace(/[^A-Za-z0-9_.-]/g, "_")}@sluice`;
  const { public_key, private_key, fingerprint } = await generateSshKey(key_type, comment);
  const insert = ctx.db
    .insert(ssh_keys)
    .select(
      sql`SELECT NULL, ${actor.id}, ${name}, ${key_type}, ${public_key}, ${fingerprint}, ${ctx.now()}, NULL
          WHERE ${hasRoom(ssh_keys, actor)}`,
    )
    .returning({ id: ssh_keys.id });
  const target = {
    type: "ssh_key",
    id: sql`(SELECT max(${ssh_keys.id}) FROM ${ssh_keys} WHERE ${ssh_keys.user_id} = ${actor.id})`,
    name,
  };
  const id = await makeKey(ctx, ssh_keys, actor, () =>
    commitIf(ctx, insert, [{ action: "ssh_key_create", target, details: { key_type, fingerprint } }]),
  );
  return { id, name, key_type, public_key, private_key, fingerprint };
}
