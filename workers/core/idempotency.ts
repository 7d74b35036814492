/**
 * `Idempotency-Key` on requests that make something: sent again with the same key within a day, a request does nothing
 * and is answered as the first one was.
 *
 * A key is the account's, whatever it signs in by, or an app token's, and the operation's. Only successes are kept;
 * whatever else came of it frees the key. A row without a status is a request that runs. When its Worker died, nobody
 * knows how far it came: a minute later whoever sends the key again takes the row over, and it is done again. So it is
 * done once, unless a Worker dies between the change and the end of the request: then at least once.
 *
 * A reply may hold a secret that is shown to whoever made it and to nobody after. It is sealed, goes with the account,
 * and is read back only by somebody who is let in now (the account is authenticated and counted before any of this) and
 * whose credential is worth no less than the one it was made by: not by a key what was made in person, nor in a lower
 * role, nor with fewer scopes. They are refused, and still make nothing twice.
 */
import { and, eq, isNull, lte, or, type SQL, sql } from "drizzle-orm";
import { createMiddleware } from "hono/factory";
import { z } from "zod";
import { UserRole } from "#contract/identity";
import { grants } from "#kit/scopes";
import { app_tokens, idempotency_keys, users } from "#tables/identity";
import type { AppEnv } from "./app-env.ts";
import type { Ctx } from "./context.ts";
import { ApiError } from "./errors.ts";
import { keyedHash } from "./keyed-hash.ts";
import { logFailure } from "./log.ts";
import { seal, unseal } from "./seal.ts";

export const IDEMPOTENCY_KEY_MAX = 255;
const KEY = /^[\x20-\x7e]{1,255}$/;

const KEPT_MS = 24 * 3_600_000;
/** No request takes as long. */
const DEAD_MS = 60_000;

/** What of a reply is given again, beside its status. */
const Kept = z.object({
  /** What the credential was worth. */
  by: z.object({
    kind: z.enum(["app_token", "stream_key", "api_key", "user"]),
    role: UserRole,
    scopes: z.array(z.string()),
  }),
  headers: z.record(z.string(), z.string()),
  body: z.string(),
});
type Worth = z.infer<typeof Kept>["by"];
const KEPT_HEADERS = ["Content-Type", "Location"];

/** After the body was read. Throws `invalid_request`, `idempotency_running`, `idempotency_mismatch`, `forbidden`. */
export const onlyOnce = (operationId: string) =>
  createMiddleware<AppEnv>(async (c, next) => {
    const given = c.req.header("idempotency-key");
    if (given === undefined) return next();
    if (!KEY.test(given)) {
      throw new ApiError("invalid_request", "Idempotency-Key must be 1 to 255 printable ASCII characters");
    }
    const { ctx } = c.var;
    const holder = holderOf(ctx);
    const url = new URL(c.req.url);
    // Another sign-in is not another request.
    url.searchParams.delete("token");
    const asked = [url.pathname, url.search, await (c.req.bodyCache.text ?? "")];
    const [key, request] = await Promise.all([
      keyedHash(ctx.settings, `idempotency key ${JSON.stringify([holder.id, operationId, given])}`),
      keyedHash(ctx.settings, `idempotent request ${JSON.stringify(asked)}`),
    ]);
    const claimed = await claim(ctx, holder, key, request);
    if (claimed instanceof Response) return claimed;
    const run = async () => {
      await next();
      await settle(ctx, holder.worth, claimed, c.res);
    };
    // Who hangs up and sends it again is whom this is for: it goes on to its end without them.
    const running = run();
    ctx.waitUntil(running);
    await running;
  });

/** Whose a key is. */
type Holder = {
  id: number | string;
  worth: Worth;
  /** The account that the row goes with, as long as it is there. */
  account: SQL;
};

function holderOf({ actor }: Ctx): Holder {
  switch (actor.kind) {
    case "user":
    case "api_key":
    case "stream_key": {
      const { id, kind, role, scopes } = actor;
      return { id, worth: { kind, role, scopes }, account: sql`${users.id} = ${id}` };
    }
    case "app_token": {
      const maker = sql`(SELECT ${app_tokens.created_by} FROM ${app_tokens} WHERE ${app_tokens.id} = ${actor.id})`;
      // What it is worth is never compared with anything but itself.
      const worth: Worth = { kind: actor.kind, role: "user", scopes: [] };
      return { id: `app token ${actor.id}`, worth, account: sql`${users.id} = ${maker}` };
    }
    case "media_worker":
    case "system":
    case "anonymous":
      throw new ApiError("invalid_request", "Only an account or an app token has an Idempotency-Key");
  }
}

/** A row that this request holds as long as its time is unchanged. */
type Claim = { key: string; created_at: number };

/** The row, or what the first request with this key answered. */
async function claim(ctx: Ctx, holder: Holder, key: string, request: string): Promise<Claim | Response> {
  const created_at = ctx.now();
  const { key: keys, ...columns } = idempotency_keys;
  const expired = lte(columns.created_at, created_at - KEPT_MS);
  const dead = and(isNull(columns.status), lte(columns.created_at, created_at - DEAD_MS), eq(columns.request, request));
  const insert = ctx.db
    .insert(idempotency_keys)
    .select(
      sql`SELECT ${key}, ${users.id}, ${request}, ${created_at}, NULL, NULL
          FROM ${users} WHERE ${holder.account} AND ${users.deleted_at} IS NULL`,
    )
    .onConflictDoUpdate({
      target: keys,
      set: { request, created_at, status: null, reply: null },
      setWhere: or(expired, dead),
    })
    .returning({ key: keys });
  const [claimed, [row]] = await ctx.db.batch([insert, ctx.db.select().from(idempotency_keys).where(eq(keys, key))]);
  // An account that was just deleted has none.
  if (!row) throw new ApiError("unauthenticated");
  if (claimed.length > 0) return { key, created_at };
  if (row.request !== request) throw new ApiError("idempotency_mismatch");
  if (row.status === null || row.reply === null) {
    throw new ApiError("idempotency_running", undefined, { headers: { "Retry-After": "1" } });
  }
  const { by, headers, body } = Kept.parse(JSON.parse(await unseal(ctx.settings, "idempotent-reply", row.reply)));
  if (!covers(holder.worth, by)) {
    throw new ApiError("forbidden", "What was made with this Idempotency-Key was made with more rights than you have");
  }
  return new Response(body, { status: row.status, headers: { ...headers, "Idempotency-Replayed": "true" } });
}

/** Whatever let `by` do something would let `worth`. */
function covers(worth: Worth, by: Worth): boolean {
  const least = <T>(order: readonly T[], one: T, other: T) => order.indexOf(one) >= order.indexOf(other);
  return (
    least(Kept.shape.by.shape.kind.options, worth.kind, by.kind) &&
    least(UserRole.options, worth.role, by.role) &&
    by.scopes.every((scope) => grants(worth.scopes, scope))
  );
}

/** Keeps a success, and frees the key of anything else. Who asked gets the reply even when it cannot be kept. */
async function settle(ctx: Ctx, worth: Worth, { key, created_at }: Claim, reply: Response): Promise<void> {
  const { settings, db, requestId } = ctx;
  const held = and(eq(idempotency_keys.key, key), eq(idempotency_keys.created_at, created_at));
  try {
    if (!reply.ok) {
      await db.delete(idempotency_keys).where(held);
      return;
    }
    const headers = KEPT_HEADERS.flatMap((name) => {
      const value = reply.headers.get(name);
      return value === null ? [] : [[name, value]];
    });
    const kept = { by: worth, headers: Object.fromEntries(headers), body: await reply.clone().text() };
    const sealed = await seal(settings, "idempotent-reply", JSON.stringify(kept satisfies z.input<typeof Kept>));
    await db.update(idempotency_keys).set({ status: reply.status, reply: sealed }).where(held);
  } catch (error) {
    logFailure("a reply was not kept for its Idempotency-Key", error, { request_id: requestId });
  }
}

/** Returns how many rows went. */
export async function sweepIdempotencyKeys(ctx: Ctx): Promise<number> {
  const { meta } = await ctx.db
    .delete(idempotency_keys)
    .where(lte(idempotency_keys.created_at, ctx.now() - KEPT_MS))
    .run();
  return meta.changes;
}
