import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { Region } from "../contract/regions.ts";
import { textNoCase } from "./columns.ts";

export const users = sqliteTable("users", {
  id: integer().primaryKey({ autoIncrement: true }),
  username: textNoCase().notNull().unique(),
  /** PHC string, `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`. */
  password_hash: text().notNull(),
  role: text({ enum: ["user", "moderator", "admin", "superadmin"] })
    .notNull()
    .default("user"),
  nickname: text(),
  status: text({ enum: ["online", "away", "busy", "dnd", "offline"] })
    .notNull()
    .default("online"),
  status_message: text().notNull().default(""),
  chat_anonymous: integer().notNull().default(0),
  avatar: text({ mode: "json" })
    .$type<{ color?: string; emoji?: string | null; initials?: string }>()
    .notNull()
    .default({}),
  /** Where the account's chat gateway is, since it first came from a place that is known. */
  home_region: text().$type<Region>(),
  created_at: integer().notNull(),
});

/** One row per issued token, whatever face it was issued by. */
export const sessions = sqliteTable(
  "sessions",
  {
    /** The JWT's `jti`. */
    id: text().primaryKey(),
    user_id: integer()
      .notNull()
      .references(() => users.id, { onDelete: "cascade" }),
    face: text({ enum: ["portal", "apps", "recorder", "proxy"] }).notNull(),
    /** A token of the API, or the web application's cookie. */
    kind: text({ enum: ["token", "cookie"] }).notNull(),
    scopes: text({ mode: "json" }).$type<string[]>().notNull(),
    name: text(),
    created_at: integer().notNull(),
    expires_at: integer().notNull(),
    revoked_at: integer(),
    last_used_at: integer(),
  },
  (t) => [index("sessions_by_user").on(t.user_id), index("sessions_by_expiry").on(t.expires_at)],
);
