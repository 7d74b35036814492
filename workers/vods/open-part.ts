import { and, eq, inArray, sql } from "drizzle-orm";
import type { OpenPart, OpenReply } from "#contract/recording";
import { users } from "#tables/identity";
import { jobs } from "#tables/media";
import { streams } from "#tables/streams";
import { vod_parts, vods } from "#tables/vods";
import { commit, commitIf } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError } from "../core/errors.ts";
import { log } from "../core/log.ts";
import { objectStore } from "../core/s3.ts";
import { newPartId, newVodId } from "./public-id.ts";
import { discarded, ofSession, PARTS_MAX, type PartRow } from "./recorded-parts.ts";
import { uploadOf } from "./uploads.ts";

/** A session that a worker let in offline has its job at the worker's next hello; after this it was refused. */
const LET_IN_MS = 24 * 3600_000;

type Discarded = ReturnType<typeof discarded>;

/**
 * A media worker began to record a part: its row, that of its session's VOD, and its upload. Opening it again gives the
 * same part. Throws `conflict` while the worker is not known to have had the session, `not_found` when another worker
 * recorded the part, `storage_unavailable`.
 */
export async function openPart(ctx: Ctx, workerId: string, opened: OpenPart): Promise<OpenReply> {
  objectStore(ctx);
  if (!(await findOpened(ctx, opened))) {
    const refused = await makeRows(ctx, workerId, opened);
    if (refused) return refused;
  }
  const found = await findOpened(ctx, opened);
  if (!found) return discarded("deleted");
  const { part, vod } = found;
  if (part.worker_id !== workerId) throw new ApiError("not_found", "Another media worker recorded that part");
  if (part.state === "uploading") {
    // Its worker is there, however long S3 is not.
    await ctx.db.update(vod_parts).set({ updated_at: ctx.now() }).where(eq(vod_parts.id, part.id));
    if ((await uploadOf(ctx, part)) === null) return discarded("deleted");
  }
  return { keep: true, part_id: part.id, vod };
}

async function findOpened(
  ctx: Ctx,
  { stream_id, session, epoch, n }: OpenPart,
): Promise<{ part: PartRow; vod: string } | undefined> {
  return ctx.db
    .select({ part: vod_parts, vod: vods.public_id })
    .from(vod_parts)
    .innerJoin(vods, eq(vods.id, vod_parts.vod_id))
    .where(and(ofSession(stream_id, session), eq(vod_parts.epoch, epoch), eq(vod_parts.n, n)))
    .get();
}

async function makeRows(ctx: Ctx, workerId: string, opened: OpenPart): Promise<Discarded | null> {
  const { stream_id, session } = opened;
  const vod = await ctx.db
    .select({ public_id: vods.public_id, parts: ctx.db.$count(vod_parts, eq(vod_parts.vod_id, vods.id)) })
    .from(vods)
    .where(ofSession(stream_id, session))
    .get();
  const stream = await ctx.db
    .select({ title: streams.title, record: streams.record, owner_username: users.username })
    .from(streams)
    .innerJoin(users, eq(users.id, streams.user_id))
    .where(eq(streams.id, stream_id))
    .get();
  const job = await ctx.db
    .select({ offline: sql<number | null>`json_extract(${jobs.spec}, '$.offline')` })
    .from(jobs)
    .where(and(ofThisSession(opened), eq(jobs.kind, "ingest"), eq(jobs.worker_id, workerId)))
    .get();
  if (!job) {
    if (!stream) return discarded("deleted");
    if (ctx.now() - opened.started_at > LET_IN_MS) return discarded("not_recorded");
    throw new ApiError("conflict", "This media worker is not known to have had the session");
  }
  if (vod && vod.parts >= PARTS_MAX) {
    log("warn", "a recording has all the parts that it may have", { vod: vod.public_id, parts: vod.parts });
    return discarded("not_recorded");
  }
  const rows = [partStatement(ctx, workerId, opened), reopenStatement(ctx, opened)] as const;
  if (vod) {
    await commit(ctx, rows, []);
    return null;
  }
  if (!stream || (await wasDeleted(ctx, opened))) return discarded("deleted");
  // Let in by what the worker remembered, which the stream's owner had changed.
  if (job.offline && stream.record === 0) return discarded("not_recorded");
  const public_id = newVodId();
  const { title, owner_username } = stream;
  const event = { type: "recording.started", vod: public_id, stream_id, title, owner_username } as const;
  await commitIf(ctx, vodStatement(ctx, public_id, opened), [], [{ id: `vod:${public_id}:started`, event }], rows);
  return null;
}

/** Of any number that try at once, one makes the VOD. */
function vodStatement(ctx: Ctx, publicId: string, { stream_id, session, started_at }: OpenPart) {
  const now = ctx.now();
  const visibility = sql`CASE WHEN ${streams.is_public} = 0 THEN 'private'
    WHEN ${streams.allow_unauthenticated} = 1 THEN 'public' ELSE 'unlisted' END`;
  return ctx.db.run(sql`
    INSERT INTO ${vods} (public_id, user_id, stream_id, session, title, visibility, status, started_at, gaps, created_at, updated_at)
    SELECT ${publicId}, ${streams.user_id}, ${streams.id}, ${session}, ${streams.title}, ${visibility}, 'recording',
           ${started_at}, '[]', ${now}, ${now}
    FROM ${streams} WHERE ${streams.id} = ${stream_id}
    ON CONFLICT DO NOTHING`);
}

function partStatement(ctx: Ctx, workerId: string, part: OpenPart) {
  const video = part.tracks.find((track) => track.kind === "video");
  const codecs = part.tracks.map((track) => track.codec).join(",");
  const now = ctx.now();
  return ctx.db.run(sql`
    INSERT INTO ${vod_parts} (id, vod_id, epoch, n, worker_id, state, object_key, started_at, width, height, frame_rate,
                              codecs, init_bytes, header_bytes, updated_at)
    SELECT ${newPartId()}, ${vods.id}, ${part.epoch}, ${part.n}, ${workerId}, 'uploading',
           'vods/' || ${vods.public_id} || ${`/${part.epoch}-${part.n}.mp4`}, ${part.started_at}, ${video?.width ?? null},
           ${video?.height ?? null}, ${video?.frame_rate ?? null}, ${codecs}, ${part.init_bytes}, ${part.header_bytes}, ${now}
    FROM ${vods} WHERE ${ofSession(part.stream_id, part.session)}
    ON CONFLICT DO NOTHING`);
}

/** A part that comes in late takes a settled VOD back. */
const reopenStatement = (ctx: Ctx, { stream_id, session }: OpenPart) =>
  ctx.db
    .update(vods)
    .set({
      status: sql`CASE ${vods.session_ended} WHEN 1 THEN 'processing' ELSE 'recording' END`,
      updated_at: ctx.now(),
    })
    .where(and(ofSession(stream_id, session), inArray(vods.status, ["ready", "truncated", "failed"])));

const ofThisSession = ({ stream_id, session }: OpenPart) =>
  and(eq(jobs.stream_id, stream_id), eq(jobs.session, session));

/** There was a VOD of the session: a task of its own outlives it. */
async function wasDeleted(ctx: Ctx, opened: OpenPart): Promise<boolean> {
  const task = await ctx.db
    .select({ id: jobs.id })
    .from(jobs)
    .where(and(ofThisSession(opened), sql`json_extract(${jobs.spec}, '$.vod_id') IS NOT NULL`))
    .get();
  return task !== undefined;
}
