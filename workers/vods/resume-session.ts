import { and, eq, inArray } from "drizzle-orm";
import { vods } from "#tables/vods";
import type { Ctx } from "../core/context.ts";
import { ofSession } from "./recorded-parts.ts";

/** A session that was thought over goes on: its VOD is being recorded again. Repeating it changes nothing. */
export async function resumeSession(ctx: Ctx, { stream_id, session }: { stream_id: number; session: string }) {
  await ctx.db
    .update(vods)
    .set({ session_ended: 0, status: "recording", updated_at: ctx.now() })
    .where(
      and(
        ofSession(stream_id, session),
        eq(vods.session_ended, 1),
        inArray(vods.status, ["processing", "ready", "truncated", "failed"]),
      ),
    );
}
