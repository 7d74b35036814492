import { sql } from "drizzle-orm";
import { doomed_objects } from "#tables/vods";
import type { Ctx } from "../core/context.ts";

/** For the commit that leaves objects without an owner: the sweep removes them from the bucket. */
export const doomObjects = (ctx: Ctx, keys: readonly string[]) =>
  ctx.db.run(sql`
    INSERT INTO ${doomed_objects} (key, created_at)
    SELECT value, ${ctx.now()} FROM json_each(${JSON.stringify(keys)}) WHERE true
    ON CONFLICT (key) DO NOTHING`);

/** The same for an object, or an upload of it that is to be aborted first. */
export const doomStatement = (ctx: Ctx, key: string, uploadId: string | null = null) =>
  ctx.db
    .insert(doomed_objects)
    .values({ key, upload_id: uploadId, created_at: ctx.now() })
    .onConflictDoUpdate({
      target: doomed_objects.key,
      set: { upload_id: sql`coalesce(excluded.upload_id, ${doomed_objects.upload_id})`, attempts: 0, not_before: 0 },
    });
