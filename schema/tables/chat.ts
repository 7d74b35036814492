import { index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { ChannelMode, ChannelVisibility, MemberRole } from "../contract/chat.ts";
import { users } from "./identity.ts";
import { streams } from "./streams.ts";

/** The one sequence that numbers channels and conversations, none twice. A row goes once its room is destroyed. */
export const chat_rooms = sqliteTable("chat_rooms", {
  id: integer().primaryKey({ autoIncrement: true }),
  kind: text({ enum: ["channel", "conversation"] }).notNull(),
  created_at: integer().notNull(),
});

export const chat_channels = sqliteTable(
  "chat_channels",
  {
    /** Names its `ChatRoom` object, and leads its messages' ids. */
    id: integer()
      .primaryKey()
      .references(() => chat_rooms.id),
    name: text().notNull().unique(),
    /** Empty for most streams' channels: they are shown with the stream's title. */
    description: text().notNull().default(""),
    topic: text().notNull().default(""),
    is_default: integer().notNull().default(0),
    category: text().notNull().default("general"),
    /** Of a stream's channel it says nothing: the stream's own visibility counts. */
    visibility: text().$type<ChannelVisibility>().notNull().default("public"),
    mode: text().$type<ChannelMode>().notNull().default("open"),
    slowmode_seconds: integer().notNull().default(0),
    /** Of all that the room is told of the channel and of its stream's title and visibility. */
    version: integer().notNull().default(1),
    /** Of the newest message: a projection that only the channel's `ChatRoom` object writes, and only upwards. */
    last_seq: integer().notNull().default(0),
    /** The stream whose channel this is; it goes with the stream. */
    stream_id: integer().references(() => streams.id, { onDelete: "cascade" }),
    created_by: integer().references(() => users.id, { onDelete: "set null" }),
    created_at: integer().notNull(),
  },
  (t) => [index("chat_channels_by_stream").on(t.stream_id)],
);

const channel = () =>
  integer()
    .notNull()
    .references(() => chat_channels.id, { onDelete: "cascade" });
const user = () =>
  integer()
    .notNull()
    .references(() => users.id, { onDelete: "cascade" });

/** Who may enter a private channel, and who moderates one. */
export const chat_members = sqliteTable(
  "chat_members",
  { channel_id: channel(), user_id: user(), role: text().$type<MemberRole>().notNull(), added_at: integer().notNull() },
  (t) => [primaryKey({ columns: [t.channel_id, t.user_id] }), index("chat_members_by_user").on(t.user_id)],
);

/** Up to where somebody has read. */
export const chat_reads = sqliteTable(
  "chat_reads",
  { user_id: user(), channel_id: channel(), seq: integer().notNull() },
  (t) => [primaryKey({ columns: [t.user_id, t.channel_id] }), index("chat_reads_by_channel").on(t.channel_id)],
);

/** How many users have a socket open at a gateway: a projection that only the gateway writes, now and then. */
export const chat_online = sqliteTable("chat_online", {
  /** `<region>:<shard>`. */
  gateway: text().primaryKey(),
  users: integer().notNull(),
  written_at: integer().notNull(),
});
