import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { Blame, JobKind, JobState, Role } from "../contract/media.ts";

export const media_workers = sqliteTable("media_workers", {
  id: text().primaryKey(),
  name: text().notNull(),
  /** Raw 32-byte Ed25519 key, base64url. */
  public_key: text().notNull().unique(),
  roles: text({ mode: "json" }).$type<Role[]>().notNull(),
  play_url: text().notNull().default(""),
  rtmp_url: text().notNull().default(""),
  created_at: integer().notNull(),
  last_seen_at: integer(),
  revoked_at: integer(),
});

export const enrolment_tokens = sqliteTable("enrolment_tokens", {
  /** SHA-256 of the token, base64url. */
  hash: text().primaryKey(),
  created_at: integer().notNull(),
  expires_at: integer().notNull(),
  used_at: integer(),
});

export const jobs = sqliteTable(
  "jobs",
  {
    id: text().primaryKey(),
    kind: text().$type<JobKind>().notNull(),
    spec: text({ mode: "json" }).$type<Record<string, unknown>>().notNull(),
    /** What people want; `state` is what media workers report. */
    order: text({ enum: ["run", "stop"] }).notNull(),
    state: text().$type<JobState>().notNull(),
    attempt: integer().notNull(),
    lease_token: text(),
    worker_id: text(),
    stream_id: integer(),
    session: text(),
    /** The worker a re-queued job prefers. */
    affinity: text(),
    not_before: integer(),
    blame: text().$type<Blame>(),
    last_error: text(),
    created_at: integer().notNull(),
    updated_at: integer().notNull(),
    ended_at: integer(),
  },
  (t) => [
    index("jobs_by_worker").on(t.worker_id, t.state),
    index("jobs_by_stream").on(t.stream_id),
    index("jobs_by_state").on(t.state, t.updated_at),
  ],
);

/** Reports that were taken in: makes at-least-once delivery idempotent. */
export const job_reports = sqliteTable(
  "job_reports",
  {
    /** `job:attempt:seq`. */
    key: text().primaryKey(),
    received_at: integer().notNull(),
  },
  (t) => [index("job_reports_by_time").on(t.received_at)],
);
