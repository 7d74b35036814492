import { sql } from "drizzle-orm";
import type { TaskKind, TaskSpec } from "#contract/tasks";
import { jobs } from "#tables/media";
import type { Ctx } from "../core/context.ts";

export type NewTask = {
  /** Deterministic: what is queued twice under one id is queued once. */
  id: string;
  kind: TaskKind;
  spec: TaskSpec;
  /** Id of the media worker that alone may do a `finish`, and that a `thumbnail` prefers. */
  affinity: string | null;
  /** UTC ms before which nobody takes it. */
  not_before?: number;
};

/**
 * A statement for a `commit`; `dispatchTasks` after it finds a media worker. `guarded`: only when the statement before
 * it changed one row, for the dependants of a `commitIf`.
 */
export function queueTask(
  ctx: Ctx,
  { id, kind, spec, affinity, not_before }: NewTask,
  { guarded = false }: { guarded?: boolean } = {},
) {
  const now = ctx.now();
  const { stream_id, session } = spec;
  return ctx.db.run(sql`
    INSERT INTO ${jobs} (id, kind, spec, "order", state, attempt, stream_id, session, affinity, not_before, created_at, updated_at)
    SELECT ${id}, ${kind}, ${JSON.stringify(spec)}, 'run', 'queued', 0, ${stream_id}, ${session}, ${affinity},
           ${not_before ?? null}, ${now}, ${now}
    WHERE ${guarded ? sql`changes() = 1` : sql`true`}
    ON CONFLICT DO NOTHING`);
}
