import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

export const audit_log = sqliteTable(
  "audit_log",
  {
    id: integer().primaryKey({ autoIncrement: true }),
    action: text().notNull(),
    actor_kind: text().notNull(),
    actor_id: text(),
    actor_name: text(),
    target_type: text().notNull(),
    target_id: text(),
    target_name: text(),
    details: text({ mode: "json" }).$type<Record<string, unknown>>().notNull(),
    ip: text(),
    request_id: text().notNull(),
    created_at: integer().notNull(),
  },
  (t) => [
    index("audit_log_by_time").on(t.created_at),
    index("audit_log_by_action").on(t.action),
    index("audit_log_by_actor").on(t.actor_id),
  ],
);

export const settings = sqliteTable("settings", {
  key: text().primaryKey(),
  value: text({ mode: "json" }).$type<unknown>().notNull(),
});
