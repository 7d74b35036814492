/** The jobs that one media worker holds, in its object's own storage: what fences each of its reports. */
import { z } from "zod";
import { PublishGrant } from "#contract/media";

/** One that was stored before there were recordings says nothing about them. */
const StoredGrant = PublishGrant.extend({
  policy: PublishGrant.shape.policy.extend({ record: z.boolean().default(false) }),
});

const Lease = z.object({
  job_id: z.string(),
  attempt: z.number().int(),
  lease: z.string(),
  stream_id: z.number().int(),
  /** `lost`: the worker was silent too long; it may come back with it. `stopping`: ordered to end. */
  state: z.enum(["running", "stopping", "lost"]),
  /** Highest sequence number of a report. */
  seq: z.number().int(),
  lost_at: z.number().int().nullable(),
  grant: z.string().transform((text) => StoredGrant.parse(JSON.parse(text))),
});
export type Lease = z.infer<typeof Lease>;

export class Leases {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(`
      CREATE TABLE IF NOT EXISTS leases (
        job_id TEXT PRIMARY KEY, attempt INTEGER NOT NULL, lease TEXT NOT NULL, stream_id INTEGER NOT NULL,
        state TEXT NOT NULL, seq INTEGER NOT NULL, lost_at INTEGER, "grant" TEXT NOT NULL)`);
  }

  add(grant: PublishGrant): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, 'running', -1, NULL, ?)",
      grant.job_id,
      grant.attempt,
      grant.lease,
      grant.stream_id,
      JSON.stringify(grant),
    );
  }

  all(): Lease[] {
    return this.#read("SELECT * FROM leases ORDER BY rowid");
  }

  get(job_id: string): Lease | undefined {
    return this.#read("SELECT * FROM leases WHERE job_id = ?", job_id)[0];
  }

  /** The newest one on a stream: during a takeover there are two for a moment. */
  ofStream(stream_id: number): Lease | undefined {
    return this.#read("SELECT * FROM leases WHERE stream_id = ? ORDER BY rowid DESC LIMIT 1", stream_id)[0];
  }

  setState(job_id: string, state: Lease["state"], lost_at: number | null = null): void {
    this.#sql.exec("UPDATE leases SET state = ?, lost_at = ? WHERE job_id = ?", state, lost_at, job_id);
  }

  setSeq(job_id: string, seq: number): void {
    this.#sql.exec("UPDATE leases SET seq = ? WHERE job_id = ?", seq, job_id);
  }

  delete(job_id: string): void {
    this.#sql.exec("DELETE FROM leases WHERE job_id = ?", job_id);
  }

  #read(query: string, ...values: (string | number)[]): Lease[] {
    return this.#sql
      .exec(query, ...values)
      .toArray()
      .map((row) => Lease.parse(row));
  }
}
