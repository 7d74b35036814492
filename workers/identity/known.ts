/**
 * Credentials that this isolate looked up lately. A revocation counts here at once, elsewhere when the entry is too old;
 * two seconds of the promised ten are left for a replica that lags.
 */
import { type DrizzleD1Database, drizzle } from "drizzle-orm/d1";
import type { Ctx } from "../core/context.ts";

const ENTRIES_MAX = 2000;
const FRESH_MS = 8_000;
/** `last_used_at` is written at most this often. */
const USED_EVERY_MS = 5 * 60_000;

type Kept = { revoked_at: number | null; last_used_at: number | null };
type Entry<Row> = { row: Row; checked_at: number };

type Source<Row> = {
  find(db: DrizzleD1Database, key: string): Promise<Row | undefined>;
  used(db: DrizzleD1Database, key: string, at: number): Promise<unknown>;
};

export class Known<Row extends Kept> {
  readonly #source: Source<Row>;
  readonly #entries = new Map<string, Entry<Row>>();
  #forgotten = 0;

  constructor(source: Source<Row>) {
    this.#source = source;
  }

  /** Null when there is none, or it was revoked. Whether it has expired is for the caller to see. */
  async get(ctx: Ctx, key: string): Promise<Row | null> {
    const now = ctx.now();
    const entry = this.#entries.get(key);
    // A clock that was set back must not keep an entry for as long.
    if (entry && Math.abs(now - entry.checked_at) < FRESH_MS) return entry.row;
    this.#entries.delete(key);
    const forgotten = this.#forgotten;
    // A near replica answers most; what is new may only be known to the primary.
    const row = await this.#find(ctx, key, "first-unconstrained");
    return row ? this.#keep(ctx, key, row, forgotten) : this.getAnew(ctx, key);
  }

  /** As the database has it now: what was looked up before may be out of date. */
  async getAnew(ctx: Ctx, key: string): Promise<Row | null> {
    this.#entries.delete(key);
    const forgotten = this.#forgotten;
    const row = await this.#find(ctx, key, "first-primary");
    return row ? this.#keep(ctx, key, row, forgotten) : null;
  }

  #keep(ctx: Ctx, key: string, row: Row, forgotten: number): Row | null {
    const now = ctx.now();
    if (row.revoked_at !== null) return null;
    if (now - (row.last_used_at ?? 0) > USED_EVERY_MS) ctx.waitUntil(this.#source.used(ctx.db, key, now));
    // What was read before a revocation must not stay beyond it.
    if (this.#forgotten === forgotten) {
      if (this.#entries.size >= ENTRIES_MAX) this.#entries.clear();
      this.#entries.set(key, { row, checked_at: now });
    }
    return row;
  }

  /** Those that `isMeant` do not count in this isolate any more until they are looked up again. */
  forget(isMeant: (row: Row, key: string) => boolean): void {
    this.#forgotten += 1;
    for (const [key, { row }] of this.#entries) if (isMeant(row, key)) this.#entries.delete(key);
  }

  #find(ctx: Ctx, key: string, where: "first-unconstrained" | "first-primary"): Promise<Row | undefined> {
    // The session of D1 has all that a query needs; drizzle's type asks for the whole database.
    return this.#source.find(drizzle(ctx.env.DB.withSession(where) as unknown as D1Database), key);
  }
}
