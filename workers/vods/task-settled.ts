import type { TaskKind, TaskSpec } from "#contract/tasks";
import type { Ctx } from "../core/context.ts";
import { keepThumbnail } from "./keep-thumbnail.ts";

export type SettledTask = {
  kind: TaskKind;
  spec: TaskSpec;
  worker_id: string;
  state: "done" | "failed";
  error: string | null;
};

/** A task is over, and its row says so. Told at least once: repeating it changes nothing. */
export async function taskSettled(ctx: Ctx, { kind, spec, state }: SettledTask): Promise<void> {
  if (kind === "thumbnail" && state === "done" && spec.vod_id !== undefined) await keepThumbnail(ctx, spec.vod_id);
}
