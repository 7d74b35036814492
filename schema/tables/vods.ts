import { index, integer, primaryKey, real, sqliteTable, text, unique } from "drizzle-orm/sqlite-core";
import type { PartEnd, Run } from "../contract/recording.ts";
import type { Gap, Storyboard, Visibility, VodStatus } from "../contract/vods.ts";
import { users } from "./identity.ts";

export const vods = sqliteTable(
  "vods",
  {
    id: integer().primaryKey({ autoIncrement: true }),
    /** `vod_` and 16 characters; also the folder of its objects. */
    public_id: text().notNull().unique(),
    user_id: integer()
      .notNull()
      .references(() => users.id),
    /** Of a stream that may be gone since: its number is never given out again. */
    stream_id: integer(),
    /** The live session that it records. */
    session: text().notNull(),
    title: text().notNull(),
    visibility: text().$type<Visibility>().notNull(),
    status: text().$type<VodStatus>().notNull(),
    error: text(),
    /** The live session is over: no part begins any more, but for what a worker still holds. */
    session_ended: integer().notNull().default(0),
    started_at: integer().notNull(),
    ended_at: integer(),
    /** Of all parts that are done or truncated, and while recording of all that is known: ms, bytes. */
    duration_ms: integer().notNull().default(0),
    size: integer().notNull().default(0),
    gaps: text({ mode: "json" }).$type<Gap[]>().notNull(),
    has_thumbnail: integer().notNull().default(0),
    storyboard: text({ mode: "json" }).$type<Omit<Storyboard, "url">>(),
    /** How often it was settled: numbers the `ready` events. */
    settled: integer().notNull().default(0),
    created_at: integer().notNull(),
    updated_at: integer().notNull(),
  },
  (t) => [
    unique("vods_by_session").on(t.stream_id, t.session),
    index("vods_by_owner").on(t.user_id, t.started_at),
    index("vods_by_status").on(t.status, t.updated_at),
  ],
);

export const vod_parts = sqliteTable(
  "vod_parts",
  {
    id: text().primaryKey(),
    vod_id: integer()
      .notNull()
      .references(() => vods.id, { onDelete: "cascade" }),
    epoch: text().notNull(),
    n: integer().notNull(),
    /** The media worker that holds its spool, and alone may hand it in. */
    worker_id: text().notNull(),
    /** `uploading` → `done` (whole) | `truncated` (completed without its end) | `failed` (nothing of it can play). */
    state: text({ enum: ["uploading", "done", "truncated", "failed"] }).notNull(),
    object_key: text().notNull(),
    upload_id: text(),
    started_at: integer().notNull(),
    duration_ms: integer().notNull().default(0),
    size: integer().notNull().default(0),
    width: integer(),
    height: integer(),
    frame_rate: real(),
    codecs: text().notNull(),
    init_bytes: integer().notNull(),
    header_bytes: integer().notNull(),
    /** Only runs of which every byte is in the object, once it is done or truncated. */
    runs: text({ mode: "json" }).$type<Run[]>(),
    end: text().$type<PartEnd>(),
    updated_at: integer().notNull(),
  },
  (t) => [
    unique("vod_parts_in_order").on(t.vod_id, t.epoch, t.n),
    index("vod_parts_by_state").on(t.state, t.updated_at),
  ],
);

/** What was uploaded of a part that is not complete, as its worker reported it. */
export const vod_slices = sqliteTable(
  "vod_slices",
  {
    part_id: text()
      .notNull()
      .references(() => vod_parts.id, { onDelete: "cascade" }),
    n: integer().notNull(),
    size: integer().notNull(),
    etag: text().notNull(),
  },
  (t) => [primaryKey({ columns: [t.part_id, t.n] })],
);

/** Runs reported before the part is complete, in the reports' chunks. */
export const vod_runs = sqliteTable(
  "vod_runs",
  {
    part_id: text()
      .notNull()
      .references(() => vod_parts.id, { onDelete: "cascade" }),
    /** Index of the chunk's first run in the part. */
    first: integer().notNull(),
    runs: text({ mode: "json" }).$type<Run[]>().notNull(),
  },
  (t) => [primaryKey({ columns: [t.part_id, t.first] })],
);

/** Objects and uploads to be removed from S3: written with the change that leaves them without an owner. */
export const doomed_objects = sqliteTable("doomed_objects", {
  key: text().primaryKey(),
  /** An upload to be aborted first. */
  upload_id: text(),
  created_at: integer().notNull(),
  attempts: integer().notNull().default(0),
  not_before: integer().notNull().default(0),
});
