import { sql } from "drizzle-orm";
import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

/** Events written in the same batch as the change they tell of, until they are sent. */
export const outbox = sqliteTable(
  "outbox",
  {
    /** Deterministic, e.g. `stream:42:session7:live`: writing an event twice is writing it once. */
    id: text().primaryKey(),
    type: text().notNull(),
    payload: text({ mode: "json" }).$type<Record<string, unknown>>().notNull(),
    created_at: integer().notNull(),
    sent_at: integer(),
  },
  (t) => [index("outbox_unsent").on(t.created_at).where(sql`sent_at IS NULL`)],
);
