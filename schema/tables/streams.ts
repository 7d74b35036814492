import { index, integer, real, sqliteTable, text, unique } from "drizzle-orm/sqlite-core";
import { users } from "./identity.ts";

export const streams = sqliteTable(
  "streams",
  {
    /** Never reused: it names the stream's `LiveStream` object. */
    id: integer().primaryKey({ autoIncrement: true }),
    user_id: integer()
      .notNull()
      .references(() => users.id),
    title: text().notNull(),
    description: text().notNull().default(""),
    is_public: integer().notNull().default(1),
    allow_unauthenticated: integer().notNull().default(0),
    rtmp_enabled: integer().notNull().default(0),
    /** Sessions are recorded. */
    record: integer().notNull().default(1),
    second_publisher: text({ enum: ["takeover", "refuse"] })
      .notNull()
      .default("takeover"),
    /** SHA-256 of the `live_` key, base64url. */
    live_key_hash: text().notNull().unique(),
    /** The `live_` key under `seal()`, purpose `stream-key`: its owner may read it again. */
    live_key_sealed: text().notNull(),
    public_key: text().notNull().unique(),
    chat_channel_id: integer(),
    thumbnail_url: text(),

    // The columns below are a projection that only the stream's `LiveStream` object writes, and only
    // under a higher `live_version` than the row has.
    /** 0 offline, 1 live, 2 encoding. */
    is_live: integer().notNull().default(0),
    live_version: integer().notNull().default(0),
    viewer_count: integer().notNull().default(0),
    total_views: integer().notNull().default(0),
    started_at: integer(),
    ended_at: integer(),
    /** Seconds. Fixes the playlist's target duration at the start of the next broadcast. */
    last_target_duration: real(),

    created_at: integer().notNull(),
    updated_at: integer().notNull(),
  },
  (t) => [
    unique("streams_title_per_user").on(t.user_id, t.title),
    index("streams_by_state").on(t.is_public, t.is_live),
  ],
);
