/** The tables of one room. Messages are numbered by `seq`, changes by `rev`. */
import type { ChatProfile } from "#contract/chat";
import type { ChatUser } from "#contract/chat-frames";
import type { Deed } from "#contract/chat-rpc";
import type { Sealer, Store } from "./store.ts";

const TABLES = [
  `CREATE TABLE IF NOT EXISTS room (
    id INTEGER PRIMARY KEY CHECK (id = 1), rev INTEGER NOT NULL, seq INTEGER NOT NULL, config TEXT,
    destroyed INTEGER NOT NULL, projected_seq INTEGER NOT NULL)`,
  "INSERT OR IGNORE INTO room VALUES (1, 0, 0, NULL, 0, 0)",
  // `hidden` of a reaction: of somebody anonymous.
  `CREATE TABLE IF NOT EXISTS messages (
    seq INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, profile TEXT NOT NULL, sealed BLOB NOT NULL, reply_to INTEGER,
    created_at INTEGER NOT NULL, edited_at INTEGER, pinned_at INTEGER, pinned_by INTEGER)`,
  "CREATE INDEX IF NOT EXISTS messages_pinned ON messages (pinned_at) WHERE pinned_at IS NOT NULL",
  `CREATE TABLE IF NOT EXISTS reactions (
    seq INTEGER NOT NULL, emoji TEXT NOT NULL, user_id INTEGER NOT NULL, hidden INTEGER NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (seq, emoji, user_id)) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS changes (
    rev INTEGER PRIMARY KEY, kind TEXT NOT NULL, seq INTEGER, data TEXT NOT NULL, at INTEGER NOT NULL,
    user_id INTEGER, nonce TEXT)`,
  "CREATE UNIQUE INDEX IF NOT EXISTS changes_by_nonce ON changes (user_id, nonce) WHERE nonce IS NOT NULL",
  "CREATE TABLE IF NOT EXISTS slow (user_id INTEGER PRIMARY KEY, at INTEGER NOT NULL)",
  `CREATE TABLE IF NOT EXISTS subscribers (
    gateway TEXT PRIMARY KEY, epoch INTEGER NOT NULL, lease_until INTEGER NOT NULL, guests INTEGER NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS present (
    gateway TEXT NOT NULL, user_id INTEGER NOT NULL, user TEXT NOT NULL, PRIMARY KEY (gateway, user_id)) WITHOUT ROWID`,
  "CREATE TABLE IF NOT EXISTS deeds (id INTEGER PRIMARY KEY AUTOINCREMENT, deed TEXT NOT NULL)",
];
/** What moderators did outlives the room, until it is recorded. */
const CONTENT = ["messages", "reactions", "changes", "slow", "subscribers", "present"];

/** Shown in place of what cannot be opened. */
export const UNREADABLE = "(This message cannot be read any more.)";

export type RoomRow = {
  rev: number;
  seq: number;
  config: string | null;
  destroyed: number;
  projected_seq: number;
};

export type MessageRow = {
  seq: number;
  user_id: number;
  profile: ChatProfile;
  text: string;
  reply_to: number | null;
  created_at: number;
  edited_at: number | null;
  pinned_at: number | null;
  pinned_by: number | null;
};
type StoredMessage = Omit<MessageRow, "profile" | "text"> & { profile: string; sealed: ArrayBuffer };

export type ReactionRow = { seq: number; emoji: string; user_id: number; hidden: number };

export type ChangeKind =
  | "message"
  | "edit"
  | "delete"
  | "react"
  | "pin"
  | "unpin"
  | "renamed"
  | "updated"
  | "cleared"
  | "destroyed"
  | "stream";

/** `data`: what its frame says beyond the message itself, as JSON. */
export type ChangeRow = {
  rev: number;
  kind: ChangeKind;
  seq: number | null;
  data: string;
  at: number;
  user_id: number | null;
  nonce: string | null;
};

export type Subscriber = { gateway: string; epoch: number; lease_until: number; guests: number };

export class RoomRecords {
  readonly #store: Store;
  readonly #sealer: Sealer;
  /** When the oldest message that is not pinned came; undefined: to be looked up. */
  #oldestAt: number | null | undefined;
  /** Undefined: to be looked up. */
  #hasDeeds: boolean | undefined;

  constructor(store: Store, sealer: Sealer) {
    this.#store = store;
    this.#sealer = sealer;
    for (const statement of TABLES) store.exec(statement);
  }

  transaction<T>(action: () => T): T {
    return this.#store.transaction(action);
  }

  room(): RoomRow {
    const [row] = this.#store.exec<RoomRow>("SELECT * FROM room");
    if (!row) throw new Error("a room has no row");
    return row;
  }

  setNumbers(rev: number, seq: number): void {
    this.#store.exec("UPDATE room SET rev = ?, seq = ?", rev, seq);
  }

  setConfig(config: string): void {
    this.#store.exec("UPDATE room SET config = ?", config);
  }

  setProjected(seq: number): void {
    this.#store.exec("UPDATE room SET projected_seq = ?", seq);
  }

  /** What remains says that there was a room, so that a late call makes no new one. */
  destroy(): void {
    for (const table of CONTENT) this.#store.exec(`DELETE FROM ${table}`);
    this.#oldestAt = undefined;
    this.#store.exec("UPDATE room SET config = NULL, destroyed = 1");
  }

  addMessage(message: Omit<MessageRow, "edited_at" | "pinned_at" | "pinned_by">): void {
    this.#store.exec(
      "INSERT INTO messages (seq, user_id, profile, sealed, reply_to, created_at) VALUES (?, ?, ?, ?, ?, ?)",
      message.seq,
      message.user_id,
      JSON.stringify(message.profile),
      this.#sealer.seal(message.text),
      message.reply_to,
      message.created_at,
    );
    if (this.#oldestAt === null) this.#oldestAt = message.created_at;
  }

  message(seq: number): MessageRow | undefined {
    return this.#messages("SELECT * FROM messages WHERE seq = ?", seq)[0];
  }

  messages(seqs: number[]): MessageRow[] {
    if (seqs.length === 0) return [];
    return this.#messages("SELECT * FROM messages WHERE seq IN (SELECT value FROM json_each(?))", JSON.stringify(seqs));
  }

  /** Newest first. */
  before(seq: number, limit: number): MessageRow[] {
    return this.#messages("SELECT * FROM messages WHERE seq < ? ORDER BY seq DESC LIMIT ?", seq, limit);
  }

  /** Their numbers, newest first. */
  newest(limit: number): number[] {
    const rows = this.#store.exec<{ seq: number }>("SELECT seq FROM messages ORDER BY seq DESC LIMIT ?", limit);
    return rows.map(({ seq }) => seq);
  }

  /** Newest pin first. */
  pinned(): MessageRow[] {
    return this.#messages("SELECT * FROM messages WHERE pinned_at IS NOT NULL ORDER BY pinned_at DESC, seq DESC");
  }

  edit(seq: number, text: string, at: number): void {
    this.#store.exec("UPDATE messages SET sealed = ?, edited_at = ? WHERE seq = ?", this.#sealer.seal(text), at, seq);
  }

  pin(seq: number, by: number | null, at: number | null): void {
    this.#store.exec("UPDATE messages SET pinned_at = ?, pinned_by = ? WHERE seq = ?", at, by, seq);
    this.#oldestAt = undefined;
  }

  deleteMessages(seqs: number[]): void {
    const list = JSON.stringify(seqs);
    this.#store.exec("DELETE FROM messages WHERE seq IN (SELECT value FROM json_each(?))", list);
    this.#store.exec("DELETE FROM reactions WHERE seq IN (SELECT value FROM json_each(?))", list);
    this.#oldestAt = undefined;
  }

  /** Returns how many there were. */
  clear(): number {
    const [row] = this.#store.exec<{ n: number }>("SELECT count(*) AS n FROM messages");
    this.#store.exec("DELETE FROM messages");
    this.#store.exec("DELETE FROM reactions");
    this.#oldestAt = undefined;
    return row?.n ?? 0;
  }

  addDeed(deed: Omit<Deed, "id">): void {
    this.#store.exec("INSERT INTO deeds (deed) VALUES (?)", JSON.stringify(deed));
    this.#hasDeeds = undefined;
  }

  hasDeeds(): boolean {
    this.#hasDeeds ??= this.deeds(1).length > 0;
    return this.#hasDeeds;
  }

  /** The oldest first. */
  deeds(limit: number): Deed[] {
    const rows = this.#store.exec<{ id: number; deed: string }>(
      "SELECT id, deed FROM deeds ORDER BY id LIMIT ?",
      limit,
    );
    return rows.map(({ id, deed }) => ({ id, ...(JSON.parse(deed) as Omit<Deed, "id">) }));
  }

  /** Up to this one. */
  removeDeeds(id: number): void {
    this.#store.exec("DELETE FROM deeds WHERE id <= ?", id);
    this.#hasDeeds = undefined;
  }

  oldestAt(): number | null {
    if (this.#oldestAt === undefined) this.#oldestAt = this.oldest(1)[0]?.created_at ?? null;
    return this.#oldestAt;
  }

  /** The oldest that are not pinned, oldest first. */
  oldest(limit: number): { seq: number; created_at: number }[] {
    return this.#store.exec("SELECT seq, created_at FROM messages WHERE pinned_at IS NULL ORDER BY seq LIMIT ?", limit);
  }

  reactions(seqs: number[]): ReactionRow[] {
    if (seqs.length === 0) return [];
    return this.#store.exec<ReactionRow>(
      "SELECT seq, emoji, user_id, hidden FROM reactions WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY at, user_id",
      JSON.stringify(seqs),
    );
  }

  addReaction(reaction: ReactionRow, at: number): void {
    const { seq, emoji, user_id, hidden } = reaction;
    this.#store.exec("INSERT INTO reactions VALUES (?, ?, ?, ?, ?)", seq, emoji, user_id, hidden, at);
  }

  removeReaction(seq: number, emoji: string, user_id: number): void {
    this.#store.exec("DELETE FROM reactions WHERE seq = ? AND emoji = ? AND user_id = ?", seq, emoji, user_id);
  }

  addChange({ rev, kind, seq, data, at, user_id, nonce }: ChangeRow): void {
    this.#store.exec("INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?)", rev, kind, seq, data, at, user_id, nonce);
  }

  changeByNonce(user_id: number, nonce: string): ChangeRow | undefined {
    return this.#store.exec<ChangeRow>("SELECT * FROM changes WHERE user_id = ? AND nonce = ?", user_id, nonce)[0];
  }

  /** The nonce of a change may be that of another one now. */
  forgetNonce(rev: number): void {
    this.#store.exec("UPDATE changes SET nonce = NULL WHERE rev = ?", rev);
  }

  /** In order; one more than `limit` says that there are more. */
  changesAfter(rev: number, limit: number): ChangeRow[] {
    return this.#store.exec<ChangeRow>("SELECT * FROM changes WHERE rev > ? ORDER BY rev LIMIT ?", rev, limit + 1);
  }

  forgetChanges(upTo: number, olderThan: number): void {
    this.#store.exec("DELETE FROM changes WHERE rev <= ? AND at < ?", upTo, olderThan);
  }

  lastSent(user_id: number): number | undefined {
    return this.#store.exec<{ at: number }>("SELECT at FROM slow WHERE user_id = ?", user_id)[0]?.at;
  }

  setLastSent(user_id: number, at: number): void {
    this.#store.exec("INSERT OR REPLACE INTO slow VALUES (?, ?)", user_id, at);
  }

  forgetLastSent(before: number): void {
    this.#store.exec("DELETE FROM slow WHERE at < ?", before);
  }

  subscribers(): Subscriber[] {
    return this.#store.exec<Subscriber>("SELECT * FROM subscribers ORDER BY gateway");
  }

  setSubscriber({ gateway, epoch, lease_until, guests }: Subscriber): void {
    this.#store.exec("INSERT OR REPLACE INTO subscribers VALUES (?, ?, ?, ?)", gateway, epoch, lease_until, guests);
  }

  removeSubscriber(gateway: string): void {
    this.#store.exec("DELETE FROM subscribers WHERE gateway = ?", gateway);
    this.#store.exec("DELETE FROM present WHERE gateway = ?", gateway);
  }

  present(): { gateway: string; user: ChatUser; user_id: number }[] {
    return this.#store
      .exec<{ gateway: string; user_id: number; user: string }>("SELECT * FROM present ORDER BY gateway, user_id")
      .map(({ gateway, user_id, user }) => ({ gateway, user_id, user: JSON.parse(user) as ChatUser }));
  }

  enter(gateway: string, user_id: number, user: ChatUser): void {
    this.#store.exec("INSERT OR REPLACE INTO present VALUES (?, ?, ?)", gateway, user_id, JSON.stringify(user));
  }

  leave(gateway: string, user_id: number): void {
    this.#store.exec("DELETE FROM present WHERE gateway = ? AND user_id = ?", gateway, user_id);
  }

  #messages(query: string, ...values: (string | number)[]): MessageRow[] {
    return this.#store.exec<StoredMessage>(query, ...values).map(({ sealed, profile, ...row }) => ({
      ...row,
      profile: JSON.parse(profile) as ChatProfile,
      text: this.#open(sealed),
    }));
  }

  /** One row that does not open (another secret, a lost byte) must not close the whole room. */
  #open(sealed: ArrayBuffer): string {
    try {
      return this.#sealer.open(sealed);
    } catch {
      return UNREADABLE;
    }
  }
}
