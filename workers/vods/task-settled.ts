import { and, eq } from "drizzle-orm";
import type { TaskKind, TaskSpec } from "#contract/tasks";
import { vod_parts, vods } from "#tables/vods";
import type { Ctx } from "../core/context.ts";
import { tellNothingRecorded } from "./end-session.ts";
import { keepThumbnail } from "./keep-thumbnail.ts";
import { ofSession } from "./recorded-parts.ts";
import { settleVod } from "./settle-vod.ts";
import { truncatePart } from "./truncate-part.ts";

export type SettledTask = {
  kind: TaskKind;
  spec: TaskSpec;
  worker_id: string;
  state: "done" | "failed";
  error: string | null;
};

/** A task is over, and its row says so. Told until it does not throw: repeating it changes nothing. */
export async function taskSettled(ctx: Ctx, { kind, spec, worker_id, state }: SettledTask): Promise<void> {
  switch (kind) {
    case "thumbnail":
      if (state === "done" && spec.vod_id !== undefined) await keepThumbnail(ctx, spec.vod_id);
      return;
    case "finish":
      return handedIn(ctx, spec, worker_id);
    default:
      kind satisfies never;
  }
}

/** Nothing of the session is left at the worker: a part that it has not completed it does not have. */
async function handedIn(ctx: Ctx, { stream_id, session }: TaskSpec, workerId: string): Promise<void> {
  const vod = await ctx.db
    .select({ id: vods.id, session_ended: vods.session_ended })
    .from(vods)
    .where(ofSession(stream_id, session))
    .get();
  if (!vod) return tellNothingRecorded(ctx, stream_id, session);
  // It goes on after all; its next end has tasks of its own.
  if (vod.session_ended === 0) return;
  const missing = await ctx.db
    .select({ id: vod_parts.id })
    .from(vod_parts)
    .where(and(eq(vod_parts.vod_id, vod.id), eq(vod_parts.worker_id, workerId), eq(vod_parts.state, "uploading")));
  for (const part of missing) await truncatePart(ctx, part.id);
  await settleVod(ctx, vod.id);
}
