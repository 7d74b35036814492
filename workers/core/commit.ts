/** A change, its audit rows and its events, in one `db.batch`: all of them or none. */
import { is, SQL, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import { SQLiteRaw } from "drizzle-orm/sqlite-core/query-builders/raw";
import type { AuditAction } from "#contract/audit";
import type { DomainEvent } from "#contract/events";
import { audit_log } from "#tables/admin";
import { outbox } from "#tables/events";
import type { Ctx } from "./context.ts";

type Statement = BatchItem<"sqlite">;
type Results<T extends readonly Statement[]> = { [K in keyof T]: T[K]["_"]["result"] };

/** What was done, to what. Who, when, from where is the context's. Secrets never belong in `details`. */
export type AuditEntry = {
  action: AuditAction;
  target: {
    type: string;
    /** SQL where the id is only known inside the batch. */
    id: string | number | SQL | null;
    name: string | null;
  };
  details?: Record<string, unknown>;
};

/** An event and its deterministic id, e.g. `stream:42:session7:live`. SQL where a number is only known inside the batch. */
export type OutboxEntry = { id: string | SQL; event: Late<DomainEvent> };
type Late<E> = E extends unknown ? { [K in keyof E]: E[K] extends number ? number | SQL : E[K] } : never;

/** All of `statements`, `audit` and `events`, or nothing. Rejects with the database's error. Returns their results. */
export async function commit<const T extends readonly Statement[]>(
  ctx: Ctx,
  statements: T,
  audit: AuditEntry[],
  events: OutboxEntry[] = [],
): Promise<Results<T>> {
  const results = await batch(ctx, [...statements, ...records(ctx, audit, events, false)]);
  return results.slice(0, statements.length) as Results<T>;
}

/**
 * Compare and set: `guard` is an `UPDATE … WHERE state = ?` or `DELETE … WHERE …` that changes one row or none.
 * The audit rows, the events and then `dependants` follow in the same batch; the rows are written only when the guard
 * won, and so does each dependant that says `WHERE changes() = 1` of itself and is the first of them.
 * Returns the guard's result: its `returning()` rows are empty when somebody else was first.
 */
export async function commitIf<T extends Statement>(
  ctx: Ctx,
  guard: T,
  audit: AuditEntry[],
  events: OutboxEntry[] = [],
  dependants: readonly Statement[] = [],
): Promise<T["_"]["result"]> {
  const results = await batch(ctx, [guard, ...records(ctx, audit, events, true), ...dependants]);
  return results[0] as T["_"]["result"];
}

function batch(ctx: Ctx, statements: Statement[]): Promise<unknown[]> {
  const [first, ...rest] = statements.map((statement) => bindable(ctx, statement));
  if (!first) throw new Error("a commit needs a statement");
  return ctx.db.batch([first, ...rest]);
}

/** drizzle's batch binds parameters to a prepared statement, which its raw queries (`db.run`) do not have. */
function bindable(ctx: Ctx, statement: Statement): Statement {
  if (!is(statement, SQLiteRaw)) return statement;
  return Object.assign(statement, { stmt: ctx.env.DB.prepare(statement.getQuery().sql) });
}

/** `guarded`: each row only if the statement before it changed exactly one row. */
function records(ctx: Ctx, audit: AuditEntry[], events: OutboxEntry[], guarded: boolean): Statement[] {
  const now = ctx.now();
  const who = actorColumns(ctx);
  const where = guarded ? sql`WHERE changes() = 1` : sql`WHERE true`;
  return [
    ...audit.map((entry) =>
      ctx.db.run(
        sql`INSERT INTO ${audit_log} (action, actor_kind, actor_id, actor_name, target_type, target_id, target_name, details, ip, request_id, created_at)
            SELECT ${entry.action}, ${who.kind}, ${who.id}, ${who.name}, ${entry.target.type},
                   CAST(${textual(entry.target.id)} AS TEXT), ${entry.target.name}, ${JSON.stringify(entry.details ?? {})},
                   ${ctx.ip}, ${ctx.requestId}, ${now} ${where}`,
      ),
    ),
    ...events.map(({ id, event: { type, ...payload } }) =>
      ctx.db.run(
        // Not OR IGNORE: an event that is there already must count as a change for the statement after it.
        sql`INSERT INTO ${outbox} (id, type, payload, created_at)
            SELECT ${id}, ${type}, ${jsonOf(payload)}, ${now} ${where}
            ON CONFLICT (id) DO UPDATE SET type = excluded.type`,
      ),
    ),
  ];
}

function jsonOf(payload: Record<string, unknown>): SQL {
  const late = Object.entries(payload).filter(([, value]) => is(value, SQL));
  const known = Object.entries(payload).filter(([, value]) => !is(value, SQL));
  const json = sql`${JSON.stringify(Object.fromEntries(known))}`;
  return late.reduce((text, [field, value]) => sql`json_set(${text}, ${`$.${field}`}, ${value})`, json);
}

/** D1 binds a number as a double, whose text would be `33.0`. */
const textual = (id: AuditEntry["target"]["id"]) => (typeof id === "number" ? String(id) : id);

function actorColumns({ actor }: Ctx): { kind: string; id: string | null; name: string | null } {
  switch (actor.kind) {
    case "user":
    case "api_key":
    case "stream_key":
      return { kind: actor.kind, id: String(actor.id), name: actor.username };
    case "app_token":
      return { kind: actor.kind, id: String(actor.id), name: actor.name };
    case "media_worker":
      return { kind: actor.kind, id: actor.id, name: null };
    case "system":
      return { kind: actor.kind, id: null, name: actor.name };
    case "anonymous":
      return { kind: actor.kind, id: null, name: null };
  }
}
