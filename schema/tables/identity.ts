import { sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";
import type { InviteType } from "../contract/identity.ts";
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
  /** Of the logins that go by mail; unique among all accounts. */
  email: textNoCase().unique(),
  /** Where the account's chat gateway is, since it first came from a place that is known. */
  home_region: text().$type<Region>(),
  created_at: integer().notNull(),
  /** It was deleted, and is gone as soon as all that hangs on it is. Nobody signs in to it any more. */
  deleted_at: integer(),
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
    /** Where it was opened from, and by what; for people who look through their sessions. */
    ip: text(),
    user_agent: text(),
  },
  (t) => [index("sessions_by_user").on(t.user_id), index("sessions_by_expiry").on(t.expires_at)],
);

/** Who holds one may register. */
export const invite_codes = sqliteTable(
  "invite_codes",
  {
    id: integer().primaryKey({ autoIncrement: true }),
    code: text().notNull().unique(),
    type: text().$type<InviteType>().notNull(),
    /** The UTC day (`2026-11-28`) that it was made on demand for; null of all that somebody made. */
    day: text(),
    label: text(),
    created_by: integer().references(() => users.id, { onDelete: "set null" }),
    created_at: integer().notNull(),
    expires_at: integer(),
    max_uses: integer(),
    use_count: integer().notNull().default(0),
    last_used_at: integer(),
    deactivated_at: integer(),
  },
  // Of two that ask at once, one makes the day's code. One that was deactivated makes room for another.
  (t) => [uniqueIndex("invite_codes_of_the_day").on(t.day).where(sql`deactivated_at IS NULL`)],
);

/** Who registered by which code. */
export const invite_uses = sqliteTable(
  "invite_uses",
  {
    user_id: integer()
      .primaryKey()
      .references(() => users.id, { onDelete: "cascade" }),
    invite_code_id: integer()
      .notNull()
      .references(() => invite_codes.id, { onDelete: "cascade" }),
  },
  (t) => [index("invite_uses_by_code").on(t.invite_code_id)],
);

/** From where somebody registered lately. It names no account, and outlives one that is deleted. */
export const registration_addresses = sqliteTable(
  "registration_addresses",
  {
    /** Keyed hash of what counts as one client. */
    address: text().primaryKey(),
    registered_at: integer().notNull(),
  },
  (t) => [index("registration_addresses_by_time").on(t.registered_at)],
);

/** Failed logins of a name or an address, in windows that begin with the first of them. */
export const login_failures = sqliteTable(
  "login_failures",
  {
    /** Keyed hash: what people type as a name may be a password. */
    key: text().primaryKey(),
    failures: integer().notNull(),
    since: integer().notNull(),
  },
  (t) => [index("login_failures_by_time").on(t.since)],
);

export const user_blocks = sqliteTable(
  "user_blocks",
  {
    user_id: integer()
      .notNull()
      .references(() => users.id, { onDelete: "cascade" }),
    blocked_id: integer()
      .notNull()
      .references(() => users.id, { onDelete: "cascade" }),
    created_at: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.user_id, t.blocked_id] }), index("user_blocks_by_blocked").on(t.blocked_id)],
);

/** The second factor of an account: there is a row from the set-up on, and it counts once it is enabled. */
export const two_factor = sqliteTable("two_factor", {
  user_id: integer()
    .primaryKey()
    .references(() => users.id, { onDelete: "cascade" }),
  /** Sealed. */
  secret: text().notNull(),
  created_at: integer().notNull(),
  /** Null: set up, and not confirmed by a code yet. */
  enabled_at: integer(),
  /** The newest time step that a code was taken of: none counts twice, nor one before it. */
  last_step: integer().notNull().default(0),
});

/** Each stands in for a code of the second factor, once. A row that is gone was used. */
export const backup_codes = sqliteTable(
  "backup_codes",
  {
    user_id: integer()
      .notNull()
      .references(() => two_factor.user_id, { onDelete: "cascade" }),
    /** Keyed hash. */
    code: text().notNull(),
  },
  (t) => [primaryKey({ columns: [t.user_id, t.code] })],
);

/** `portal_` keys: programs that act for an account. */
export const api_keys = sqliteTable(
  "api_keys",
  {
    id: integer().primaryKey({ autoIncrement: true }),
    user_id: integer()
      .notNull()
      .references(() => users.id, { onDelete: "cascade" }),
    name: text().notNull(),
    /** The first characters of the key, to tell them apart by. */
    key_prefix: text().notNull(),
    key_hash: text().notNull().unique(),
    scopes: text({ mode: "json" }).$type<string[]>().notNull(),
    created_at: integer().notNull(),
    expires_at: integer(),
    revoked_at: integer(),
    last_used_at: integer(),
  },
  (t) => [uniqueIndex("api_keys_by_name").on(t.user_id, t.name)],
);

/** `sk_` tokens of the apps face. They act for everything there or for one app, and go with the account that made them. */
export const app_tokens = sqliteTable("app_tokens", {
  id: integer().primaryKey({ autoIncrement: true }),
  name: text().notNull(),
  token_hash: text().notNull().unique(),
  scope: text({ enum: ["global", "app"] }).notNull(),
  app_id: integer(),
  /** Addresses and IPv4 ranges that it counts from; null: from everywhere. */
  allowed_ips: text({ mode: "json" }).$type<string[]>(),
  created_by: integer()
    .notNull()
    .references(() => users.id, { onDelete: "cascade" }),
  created_at: integer().notNull(),
  revoked_at: integer(),
  last_used_at: integer(),
});

/** The public half of key pairs that were made here; the private half was shown once and is not kept. */
export const ssh_keys = sqliteTable(
  "ssh_keys",
  {
    id: integer().primaryKey({ autoIncrement: true }),
    user_id: integer()
      .notNull()
      .references(() => users.id, { onDelete: "cascade" }),
    name: text().notNull(),
    key_type: text({ enum: ["ed25519", "rsa"] }).notNull(),
    /** As in `authorized_keys`: type, base64, comment. */
    public_key: text().notNull(),
    /** `SHA256:` and base64 without padding, as OpenSSH shows it. */
    fingerprint: text().notNull(),
    created_at: integer().notNull(),
    last_used_at: integer(),
  },
  (t) => [uniqueIndex("ssh_keys_by_name").on(t.user_id, t.name)],
);

/** What people reach through the portal. */
export const connections = sqliteTable(
  "connections",
  {
    /** 12 random bytes in base64url. */
    id: text().primaryKey(),
    user_id: integer()
      .notNull()
      .references(() => users.id, { onDelete: "cascade" }),
    name: text().notNull(),
    type: text().notNull(),
    host: text().notNull(),
    port: integer().notNull(),
    /** Sealed JSON. */
    config: text().notNull(),
    created_at: integer().notNull(),
    updated_at: integer().notNull(),
  },
  (t) => [uniqueIndex("connections_by_name").on(t.user_id, t.name)],
);

/** Links that sign in by mail: each once, for a quarter of an hour. */
export const magic_links = sqliteTable(
  "magic_links",
  {
    token_hash: text().primaryKey(),
    user_id: integer()
      .notNull()
      .references(() => users.id, { onDelete: "cascade" }),
    created_at: integer().notNull(),
    expires_at: integer().notNull(),
  },
  (t) => [index("magic_links_by_user").on(t.user_id), index("magic_links_by_expiry").on(t.expires_at)],
);

/** What a creating request with an `Idempotency-Key` answered, to answer it again. */
export const idempotency_keys = sqliteTable(
  "idempotency_keys",
  {
    /** Keyed hash of who asks, for which operation, with which key. */
    key: text().primaryKey(),
    user_id: integer()
      .notNull()
      .references(() => users.id, { onDelete: "cascade" }),
    /** Keyed hash of path, query and body: the same key with another request is refused. */
    request: text().notNull(),
    created_at: integer().notNull(),
    /** Null: the first request with the key is still running. */
    status: integer(),
    /** Sealed JSON of headers and body, and of what the credential was worth. */
    reply: text(),
  },
  (t) => [index("idempotency_keys_by_time").on(t.created_at), index("idempotency_keys_by_user").on(t.user_id)],
);
