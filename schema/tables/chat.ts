import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { users } from "./identity.ts";
import { streams } from "./streams.ts";

export const chat_channels = sqliteTable(
  "chat_channels",
  {
    id: integer().primaryKey({ autoIncrement: true }),
    name: text().notNull().unique(),
    description: text().notNull().default(""),
    topic: text().notNull().default(""),
    is_default: integer().notNull().default(0),
    category: text().notNull().default("general"),
    visibility: text().notNull().default("public"),
    mode: text().notNull().default("normal"),
    /** The stream whose channel this is; it goes with the stream. */
    stream_id: integer().references(() => streams.id, { onDelete: "cascade" }),
    created_by: integer().references(() => users.id, { onDelete: "set null" }),
    created_at: integer().notNull(),
  },
  (t) => [index("chat_channels_by_stream").on(t.stream_id)],
);
