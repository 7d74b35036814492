import { type SQL, sql } from "drizzle-orm";
import { toBase64url } from "#kit/base64url";
import { connections, users } from "#tables/identity";
import type { Ctx } from "../core/context.ts";
import { seal } from "../core/seal.ts";

const ID_BYTES = 12;

/**
 * The connection that everybody has from the start, a browser in the browser: a statement to go into the commit that
 * makes an account, after it. `made`: condition by which the batch knows the account, if it was made.
 */
export async function defaultConnection(ctx: Ctx) {
  const id = toBase64url(crypto.getRandomValues(new Uint8Array(ID_BYTES)));
  const config = await seal(ctx.settings, "connection-config", JSON.stringify({ mode: "browser" }));
  const now = ctx.now();
  // A statement that is returned from here would run at once: it is a promise of its result.
  return (made: SQL | undefined) =>
    ctx.db.insert(connections).select(
      sql`SELECT ${id}, ${users.id}, 'Web Browser', 'http_proxy', 'duckduckgo.com', 443, ${config}, ${now}, ${now}
          FROM ${users} WHERE ${made}`,
    );
}
