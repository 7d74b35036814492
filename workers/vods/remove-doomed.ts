import { asc, eq, lte } from "drizzle-orm";
import { doomed_objects } from "#tables/vods";
import type { Ctx } from "../core/context.ts";
import { logFailure } from "../core/log.ts";
import { type ObjectStore, objectStore, S3Error } from "../core/s3.ts";

/** In one go; the rest is the next minute's. */
const BATCH = 50;
const RETRY_MS = 60_000;
const RETRY_MAX_MS = 6 * 3600_000;

/**
 * Removes what is due in `doomed_objects` from the bucket; what fails comes again later. In the background after a
 * deletion, and each minute. Returns how many it removed.
 */
export async function removeDoomed(ctx: Ctx): Promise<number> {
  if (!ctx.settings.s3) return 0;
  const due = await ctx.db
    .select()
    .from(doomed_objects)
    .where(lte(doomed_objects.not_before, ctx.now()))
    .orderBy(asc(doomed_objects.not_before))
    .limit(BATCH);
  const store = objectStore(ctx);
  let removed = 0;
  for (const doomed of due) {
    const failure = await remove(store, doomed);
    const row = eq(doomed_objects.key, doomed.key);
    if (!failure) {
      await ctx.db.delete(doomed_objects).where(row);
      removed += 1;
    } else {
      const attempts = doomed.attempts + 1;
      const wait = Math.min(RETRY_MS * 2 ** doomed.attempts, RETRY_MAX_MS);
      await ctx.db
        .update(doomed_objects)
        .set({ attempts, not_before: ctx.now() + wait })
        .where(row);
      // An S3 that does not answer would keep us for as long as it likes.
      if (failure.status === 0) break;
    }
  }
  return removed;
}

async function remove(
  store: ObjectStore,
  { key, upload_id }: typeof doomed_objects.$inferSelect,
): Promise<S3Error | null> {
  try {
    if (upload_id !== null) await store.abortUpload(key, upload_id);
    await store.remove(key);
    return null;
  } catch (error) {
    if (!(error instanceof S3Error)) throw error;
    logFailure("an object could not be removed; it is tried again", error, { key });
    return error;
  }
}
