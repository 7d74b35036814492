import { and, asc, eq, inArray, sql } from "drizzle-orm";
import type { DomainEvent } from "#contract/events";
import type { VodStatus } from "#contract/vods";
import { users } from "#tables/identity";
import { vod_parts, vods } from "#tables/vods";
import { liveStream } from "../../durable-objects/stubs.ts";
import { commitIf, type OutboxEntry } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { log, logFailure } from "../core/log.ts";
import { dispatchTasks } from "../media/dispatch-tasks.ts";
import { queueTask } from "../media/queue-task.ts";
import { tellLiveStream } from "../streams/live-orders.ts";
import { isFinishing } from "./finish-tasks.ts";
import { gapsBetween, type RecordedPart } from "./gaps.ts";
import { PARTS_MAX, streamOf } from "./recorded-parts.ts";

type Settled = Extract<VodStatus, "ready" | "truncated" | "failed">;
type Outcome = { status: Settled; error: string | null; duration_ms: number; size: number };

/** Without their runs, of which a long part has thousands. */
const PART_FACTS = {
  state: vod_parts.state,
  started_at: vod_parts.started_at,
  duration_ms: vod_parts.duration_ms,
  size: vod_parts.size,
  width: vod_parts.width,
  end: vod_parts.end,
  worker_id: vod_parts.worker_id,
};

const NOTHING_LEFT = "Nothing of the recording could be saved";
const PARTLY_LOST = "A part of the recording was lost";
const TOO_MANY_PARTS = `The encoder reconnected ${PARTS_MAX} times: what came after that was not recorded`;

/**
 * Makes a VOD whose session is over ready, truncated or failed, once nothing more of it is expected: no part is being
 * handed in, and no media worker that is there looks for one. Until then, and when it is settled already, it does
 * nothing. True when it settled it.
 */
export async function settleVod(ctx: Ctx, vodId: number): Promise<boolean> {
  const found = await ctx.db
    .select({ vod: vods, owner_username: users.username })
    .from(vods)
    .innerJoin(users, eq(users.id, vods.user_id))
    .where(and(eq(vods.id, vodId), eq(vods.session_ended, 1), inArray(vods.status, ["recording", "processing"])))
    .get();
  if (!found) return false;
  const { vod, owner_username } = found;
  const parts = await ctx.db
    .select(PART_FACTS)
    .from(vod_parts)
    .where(eq(vod_parts.vod_id, vodId))
    .orderBy(asc(vod_parts.epoch), asc(vod_parts.n));
  if (parts.some((part) => part.state === "uploading")) return false;
  if (await isFinishing(ctx, vod.session)) return false;

  const playable = parts.filter((part) => part.state === "done" || part.state === "truncated");
  const outcome = outcomeOf(parts, playable);
  const last = playable.at(-1);
  const stream_id = await streamOf(ctx, vod);
  const settled = vod.settled + 1;
  const set = {
    ...outcome,
    settled,
    gaps: gapsBetween(parts),
    started_at: Math.min(vod.started_at, ...parts.map((part) => part.started_at)),
    ended_at: last ? last.started_at + last.duration_ms : ctx.now(),
    updated_at: ctx.now(),
  };
  const stillSo = and(
    eq(vods.id, vodId),
    eq(vods.settled, vod.settled),
    eq(vods.session_ended, 1),
    inArray(vods.status, ["recording", "processing"]),
    // No part came meanwhile.
    sql`(SELECT count(*) = ${parts.length} AND total(${vod_parts.state} = 'uploading') = 0
         FROM ${vod_parts} WHERE ${vod_parts.vod_id} = ${vodId})`,
  );
  const guard = ctx.db.update(vods).set(set).where(stillSo).returning({ id: vods.id });
  const about = { vod: vod.public_id, stream_id, title: vod.title, owner_username };
  const hasPicture = playable.some((part) => part.width !== null);
  const thumbnail = queueTask(
    ctx,
    {
      id: `thumbnail:${vod.public_id}:${settled}`,
      kind: "thumbnail",
      spec: { vod_id: vod.id, stream_id, session: vod.session },
      affinity: last?.worker_id ?? null,
    },
    { guarded: true },
  );
  const won = await commitIf(ctx, guard, [], [eventOf(about, outcome, settled)], hasPicture ? [thumbnail] : []);
  if (won.length === 0) return false;
  log(outcome.status === "ready" ? "info" : "warn", `a recording is ${outcome.status}`, {
    url: `${ctx.origin()}/vod/${vod.public_id}`,
    duration_ms: outcome.duration_ms,
    size: outcome.size,
  });
  if (hasPicture) {
    ctx.waitUntil(
      dispatchTasks(ctx).catch((error) => logFailure("a thumbnail is made later", error, { vod_id: vodId })),
    );
  }
  if (vod.stream_id !== null) {
    ctx.waitUntil(
      tellLiveStream(ctx, stream_id, "recorded", () => liveStream(ctx.env, stream_id).recorded(vod.session)),
    );
  }
  return true;
}

function outcomeOf(parts: readonly (RecordedPart & { size: number })[], playable: typeof parts): Outcome {
  const total = (of: (part: (typeof parts)[number]) => number) => playable.reduce((sum, part) => sum + of(part), 0);
  const known = { duration_ms: total((part) => part.duration_ms), size: total((part) => part.size) };
  if (playable.length === 0) return { ...known, status: "failed", error: NOTHING_LEFT };
  const lost = parts.some((part) => part.state === "truncated" || (part.state === "failed" && part.duration_ms > 0));
  const error = lost ? PARTLY_LOST : parts.length >= PARTS_MAX ? TOO_MANY_PARTS : null;
  return { ...known, status: error ? "truncated" : "ready", error };
}

/** The same where nobody waits for it: what fails is left to the sweep. */
export async function trySettleVod(ctx: Ctx, vodId: number): Promise<void> {
  try {
    await settleVod(ctx, vodId);
  } catch (error) {
    logFailure("a recording could not be settled yet", error, { vod_id: vodId, request_id: ctx.requestId });
  }
}

type About = Pick<
  Extract<DomainEvent, { type: "recording.started" }>,
  "vod" | "stream_id" | "title" | "owner_username"
>;

function eventOf(about: About, { status, error, duration_ms, size }: Outcome, settled: number): OutboxEntry {
  const repeat = settled > 1 ? `:${settled}` : "";
  if (status === "failed") {
    const event = { type: "recording.failed", ...about, error: error ?? NOTHING_LEFT } as const;
    return { id: `vod:${about.vod}:failed${repeat}`, event };
  }
  const facts = { truncated: status === "truncated", duration: duration_ms / 1000, size };
  return { id: `vod:${about.vod}:ready${repeat}`, event: { type: "recording.ready", ...about, ...facts } };
}
