import { and, eq, inArray, sql } from "drizzle-orm";
import type { SettingValue } from "#contract/settings";
import { vod_parts, vods } from "#tables/vods";
import { commit } from "../core/commit.ts";
import type { Ctx } from "../core/context.ts";
import { log, logFailure } from "../core/log.ts";
import { type ObjectStore, objectStore, S3Error } from "../core/s3.ts";
import { readSetting, writeSetting } from "../core/setting.ts";
import { doomObjects } from "./doomed.ts";
import { storyboardKey, thumbnailKey } from "./object-keys.ts";

const HOUR_MS = 3600_000;
const DAY_MS = 24 * HOUR_MS;
/** What is younger may have its row in a moment. */
const AGE_MS = DAY_MS;
/** In one go; the next minute goes on from there. */
const PAGES = 10;
/** Of one page. */
const ABORTS = 50;
const PREFIX = "vods/";
/** The bucket may hold what is not ours. */
const OURS = /^vods\/(vod_[A-Za-z0-9_-]{16})\/[^/]+$/;

type Place = NonNullable<SettingValue<"orphan_sweep">["at"]>;
type Orphan = { key: string; upload_id: string | null };
type Page = { orphans: Orphan[]; cursor: string | null };

/**
 * Once a day: objects and unfinished uploads of recordings that no row knows, e.g. of a crash between S3 and the
 * database. Objects go the way of deleted ones; how much is done is the setting `S3_SWEEP`'s. Returns how many it found
 * and removes.
 */
export async function sweepOrphans(ctx: Ctx): Promise<number> {
  const { s3 } = ctx.settings;
  if (!s3 || s3.sweep === "off") return 0;
  const { finished_at, at } = await readSetting(ctx, "orphan_sweep");
  if (at === null && ctx.now() - finished_at < DAY_MS) return 0;
  const remove = s3.sweep === "delete" && (await hasRecordings(ctx));
  const store = objectStore(ctx);
  const seen = new Set<string>();
  let place: Place | null = at ?? { list: "objects", cursor: null };
  let removed = 0;
  try {
    for (let page = 0; page < PAGES && place !== null; page++) {
      const { orphans, cursor } = await pageOf(ctx, store, place);
      if (orphans.length > 0) tell(orphans, place, remove);
      if (remove) removed += await removeAll(ctx, store, orphans);
      place = after(place, cursor, seen);
    }
  } catch (error) {
    if (!(error instanceof S3Error)) throw error;
    logFailure("the search for orphans ended early; it begins anew in an hour", error);
    await writeSetting(ctx, "orphan_sweep", { finished_at: ctx.now() - DAY_MS + HOUR_MS, at: null });
    return removed;
  }
  await writeSetting(ctx, "orphan_sweep", { finished_at: place ? finished_at : ctx.now(), at: place });
  return removed;
}

/** A database without a single recording is more likely the wrong one than every object an orphan. */
async function hasRecordings(ctx: Ctx): Promise<boolean> {
  return (await ctx.db.select({ id: vods.id }).from(vods).limit(1).get()) !== undefined;
}

async function pageOf(ctx: Ctx, store: ObjectStore, { list, cursor }: Place): Promise<Page> {
  const old = ctx.now() - AGE_MS;
  if (list === "objects") {
    const page = await store.list(PREFIX, cursor ?? undefined);
    const keys = page.objects.filter((object) => object.modified_at < old).map((object) => object.key);
    const known = await knownKeys(ctx, publicIds(keys));
    const orphans = keys.filter((key) => OURS.test(key) && !known.has(key));
    return { orphans: orphans.map((key) => ({ key, upload_id: null })), cursor: page.cursor };
  }
  const page = await store.listUploads(PREFIX, cursor ?? undefined);
  if (!page) return { orphans: [], cursor: null };
  const uploads = page.uploads.filter((upload) => upload.started_at < old && OURS.test(upload.key));
  const known = await knownUploads(ctx, publicIds(uploads.map((upload) => upload.key)));
  return { orphans: uploads.filter((upload) => !known.has(upload.upload_id)), cursor: page.cursor };
}

const publicIds = (keys: readonly string[]) => [...new Set(keys.flatMap((key) => OURS.exec(key)?.[1] ?? []))];

const isOneOf = (ids: readonly string[]) =>
  sql`${vods.public_id} IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`;

async function knownKeys(ctx: Ctx, ids: readonly string[]): Promise<Set<string>> {
  const [found, parts] = await ctx.db.batch([
    ctx.db.select({ public_id: vods.public_id }).from(vods).where(isOneOf(ids)),
    ctx.db
      .select({ key: vod_parts.object_key })
      .from(vods)
      .innerJoin(vod_parts, eq(vod_parts.vod_id, vods.id))
      .where(and(isOneOf(ids), inArray(vod_parts.state, ["uploading", "done", "truncated"]))),
  ]);
  const pictures = found.flatMap(({ public_id }) => [thumbnailKey(public_id), storyboardKey(public_id)]);
  return new Set([...pictures, ...parts.map((part) => part.key)]);
}

async function knownUploads(ctx: Ctx, ids: readonly string[]): Promise<Set<string | null>> {
  const parts = await ctx.db
    .select({ upload_id: vod_parts.upload_id })
    .from(vods)
    .innerJoin(vod_parts, eq(vod_parts.vod_id, vods.id))
    .where(isOneOf(ids));
  return new Set(parts.map((part) => part.upload_id));
}

/** Where to go on; a service that repeats a page must not keep us for ever. */
function after({ list }: Place, cursor: string | null, seen: Set<string>): Place | null {
  const repeats = cursor !== null && seen.has(`${list} ${cursor}`);
  if (repeats) log("warn", "S3 repeats a page of a list; the rest of it is not looked at", { list });
  if (cursor !== null && !repeats) {
    seen.add(`${list} ${cursor}`);
    return { list, cursor };
  }
  return list === "objects" ? { list: "uploads", cursor: null } : null;
}

function tell(orphans: readonly Orphan[], { list }: Place, removes: boolean): void {
  const some = orphans.slice(0, 10).map((orphan) => orphan.key);
  log("warn", `${list} of recordings that no row knows`, { count: orphans.length, removes, some });
}

/** Objects by the sweep of the doomed; uploads here, since an object of the same key may be a recording's. */
async function removeAll(ctx: Ctx, store: ObjectStore, orphans: readonly Orphan[]): Promise<number> {
  const objects = orphans.filter((orphan) => orphan.upload_id === null).map((orphan) => orphan.key);
  if (objects.length > 0) await commit(ctx, [doomObjects(ctx, objects)], []);
  // What is left over is found again tomorrow.
  let aborted = 0;
  for (const { key, upload_id } of orphans.slice(0, ABORTS)) {
    if (upload_id !== null && (await abort(store, key, upload_id))) aborted += 1;
  }
  return objects.length + aborted;
}

/** One that S3 refuses keeps no other from being aborted; an S3 that does not answer is asked no more. */
async function abort(store: ObjectStore, key: string, uploadId: string): Promise<boolean> {
  try {
    await store.abortUpload(key, uploadId);
    return true;
  } catch (error) {
    if (!(error instanceof S3Error) || error.status === 0) throw error;
    logFailure("an orphaned upload could not be aborted; it is found again tomorrow", error, { key });
    return false;
  }
}
