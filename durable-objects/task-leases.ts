/**
 * The tasks of one media worker, in its object's own storage. A claim under way takes room before the database has
 * decided; a task that ended stays until whoever waits for it was told.
 */
import { z } from "zod";
import { TaskKind, type TaskRef, TaskSpec } from "#contract/tasks";
import type { Task } from "../workers/media/tasks.ts";

/** A claim whose outcome was not heard, because the object stopped in the middle of it. */
const CLAIM_MS = 60_000;

const Held = z
  .object({
    job_id: z.string(),
    attempt: z.number().int(),
    lease: z.string(),
    kind: TaskKind,
    spec: z.string().transform((text) => TaskSpec.parse(JSON.parse(text))),
    worker_id: z.string(),
    ended: z.enum(["done", "failed"]).nullable(),
    error: z.string().nullable(),
  })
  .transform(({ ended, error, ...task }) => ({ task: task satisfies Task, ended, error }));
type Fence = Pick<Task, "job_id" | "lease">;
type End = { state: "done" | "failed"; error: string | null };

export class TaskLeases {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(`
      CREATE TABLE IF NOT EXISTS task_claims (job_id TEXT PRIMARY KEY, lease TEXT NOT NULL, at INTEGER NOT NULL);
      CREATE TABLE IF NOT EXISTS task_leases (
        job_id TEXT PRIMARY KEY, attempt INTEGER NOT NULL, lease TEXT NOT NULL, kind TEXT NOT NULL, spec TEXT NOT NULL,
        worker_id TEXT NOT NULL, ended TEXT, error TEXT);
      CREATE TABLE IF NOT EXISTS task_wakes (at INTEGER PRIMARY KEY);
    `);
  }

  /** How many tasks the worker is at, of each kind. */
  countByKind(): Map<TaskKind, number> {
    const query = "SELECT kind, count(*) AS n FROM task_leases WHERE ended IS NULL GROUP BY kind";
    const rows = this.#sql.exec<{ kind: string; n: number }>(query).toArray();
    return new Map(rows.map(({ kind, n }) => [TaskKind.parse(kind), n]));
  }

  /** How many claims are under way; their kinds are not known yet. */
  countClaims(): number {
    return this.#sql.exec<{ n: number }>("SELECT count(*) AS n FROM task_claims").one().n;
  }

  /** False when the task is being claimed, or held, already. */
  beginClaim({ job_id, lease }: Fence, now: number): boolean {
    const held = "SELECT 1 FROM task_leases WHERE job_id = ? AND ended IS NULL";
    if (this.#sql.exec(held, job_id).toArray().length > 0) return false;
    const claim = "INSERT INTO task_claims VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING 1";
    return this.#sql.exec(claim, job_id, lease, now).toArray().length === 1;
  }

  /** True when the claim was still there. */
  endClaim({ job_id, lease }: Fence): boolean {
    const query = "DELETE FROM task_claims WHERE job_id = ? AND lease = ? RETURNING 1";
    return this.#sql.exec(query, job_id, lease).toArray().length === 1;
  }

  staleClaims(now: number): Fence[] {
    const query = "SELECT job_id, lease FROM task_claims WHERE at <= ?";
    return this.#sql.exec<Fence>(query, now - CLAIM_MS).toArray();
  }

  /** What was claimed is held. False when the claim was given up meanwhile. */
  hold(task: Task): boolean {
    if (!this.endClaim(task)) return false;
    this.add(task);
    return true;
  }

  add({ job_id, attempt, lease, kind, spec, worker_id }: Task): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO task_leases VALUES (?, ?, ?, ?, ?, ?, NULL, NULL)",
      job_id,
      attempt,
      lease,
      kind,
      JSON.stringify(spec),
      worker_id,
    );
  }

  /** Those that the worker is at. */
  held(): Task[] {
    return this.#read("SELECT * FROM task_leases WHERE ended IS NULL ORDER BY rowid").map(({ task }) => task);
  }

  get({ job_id, lease, attempt }: TaskRef): Task | undefined {
    const query = "SELECT * FROM task_leases WHERE job_id = ? AND lease = ? AND attempt = ? AND ended IS NULL";
    return this.#read(query, job_id, lease, attempt)[0]?.task;
  }

  /** Takes no room any more. */
  end({ job_id, lease }: Fence, { state, error }: End): void {
    const update = "UPDATE task_leases SET ended = ?, error = ? WHERE job_id = ? AND lease = ?";
    this.#sql.exec(update, state, error, job_id, lease);
  }

  ended(): (End & { task: Task })[] {
    return this.#read("SELECT * FROM task_leases WHERE ended IS NOT NULL ORDER BY rowid").flatMap(
      ({ task, ended, error }) => (ended === null ? [] : [{ task, state: ended, error }]),
    );
  }

  delete({ job_id, lease }: Fence): void {
    this.#sql.exec("DELETE FROM task_leases WHERE job_id = ? AND lease = ?", job_id, lease);
  }

  /** Something is due at `at` (UTC ms): another attempt, or telling the end of one again. */
  wakeAt(at: number): void {
    this.#sql.exec("INSERT OR IGNORE INTO task_wakes VALUES (?)", at);
  }

  /** True when something is due. */
  takeWakes(now: number): boolean {
    return this.#sql.exec("DELETE FROM task_wakes WHERE at <= ? RETURNING 1", now).toArray().length > 0;
  }

  /** When the next is due, or null. */
  nextWake(): number | null {
    const query = `SELECT min(at) AS at FROM (SELECT at FROM task_wakes UNION ALL SELECT at + ? FROM task_claims)`;
    return this.#sql.exec<{ at: number | null }>(query, CLAIM_MS).one().at;
  }

  #read(query: string, ...values: (string | number)[]) {
    return this.#sql
      .exec(query, ...values)
      .toArray()
      .map((row) => Held.parse(row));
  }
}
