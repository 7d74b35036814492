import { eq } from "drizzle-orm";
import type { Role } from "#contract/media";
import { media_workers } from "#tables/media";
import type { Ctx } from "../core/context.ts";

/** What a media worker says of itself when it connects. */
export async function recordWorkerHello(
  ctx: Ctx,
  workerId: string,
  hello: { roles: Role[]; play_url: string; rtmp_url: string },
): Promise<void> {
  const { roles, play_url, rtmp_url } = hello;
  await ctx.db
    .update(media_workers)
    .set({ roles, play_url, rtmp_url, last_seen_at: ctx.now() })
    .where(eq(media_workers.id, workerId));
}
