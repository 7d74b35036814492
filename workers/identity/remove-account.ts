import { and, eq, isNotNull, notExists, or, sql } from "drizzle-orm";
import { outbox } from "#tables/events";
import { users } from "#tables/identity";
import { streams } from "#tables/streams";
import { vods } from "#tables/vods";
import { commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { logFailure } from "../core/log.ts";
import { removeStream } from "../streams/delete.ts";
import { removeVod } from "../vods/delete.ts";
import { removeDoomed } from "../vods/remove-doomed.ts";
import type { UserRow } from "./user-rows.ts";

/** Of streams and of recordings, in one go: a request has only so many calls. */
const BATCH = 50;

/**
 * Removes what hangs on an account that was deleted, and at last its row, with sessions, memberships and all else that
 * refers to it. What it wrote in others' rooms stays under its name. False: there is more; the sweep comes again.
 */
export async function removeAccount(ctx: Ctx, user: Pick<UserRow, "id" | "username">): Promise<boolean> {
  const owned = await ctx.db.select().from(streams).where(eq(streams.user_id, user.id)).limit(BATCH);
  for (const stream of owned) await removeStream(ctx, stream);
  // After the streams, or their publishers would go on recording.
  const recorded = await ctx.db.select().from(vods).where(eq(vods.user_id, user.id)).limit(BATCH);
  for (const vod of recorded) await removeVod(ctx, vod);
  if (recorded.length > 0) {
    ctx.waitUntil(removeDoomed(ctx).catch((error) => logFailure("removal failed; the sweep goes on", error)));
  }
  const nothing = (table: typeof streams | typeof vods) =>
    notExists(ctx.db.select({ one: sql`1` }).from(table).where(eq(table.user_id, user.id)));
  const remove = ctx.db
    .delete(users)
    .where(and(eq(users.id, user.id), isNotNull(users.deleted_at), nothing(streams), nothing(vods)))
    .returning({ id: users.id });
  const events = ctx.db
    .delete(outbox)
    .where(
      and(
        or(
          sql`json_extract(${outbox.payload}, '$.user_id') = ${user.id}`,
          sql`json_extract(${outbox.payload}, '$.owner_username') = ${user.username}`,
        ),
        sql`changes() = 1`,
      ),
    );
  // That it was to go is in the log already.
  const removed = await commitIf(ctx, remove, [], [], [events]);
  return removed.length > 0;
}

/** Goes on with accounts that had too much on them for one request, or whose removal failed. Returns how many went. */
export async function sweepAccounts(ctx: Ctx): Promise<number> {
  const [next] = await ctx.db
    .select({ id: users.id, username: users.username })
    .from(users)
    .where(isNotNull(users.deleted_at))
    .limit(1);
  return next && (await removeAccount(ctx, next)) ? 1 : 0;
}
