/** SQLite of Node's own, as the pure classes of chat use it. */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Sealer, SqlValue, Store } from "../../durable-objects/chat/store.ts";

export class NodeStore implements Store {
  readonly #db: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(path = ":memory:") {
    this.#db = new DatabaseSync(path);
  }

  exec<Row>(query: string, ...values: SqlValue[]): Row[] {
    let statement = this.#prepared.get(query);
    if (!statement) {
      statement = this.#db.prepare(query);
      this.#prepared.set(query, statement);
    }
    return statement.all(...values) as Row[];
  }

  transaction<T>(action: () => T): T {
    this.#db.exec("BEGIN");
    try {
      const result = action();
      this.#db.exec("COMMIT");
      return result;
    } catch (error) {
      this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  /** As new, but for what it costs to make one. */
  empty(): void {
    const tables = this.exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'");
    for (const { name } of tables) this.exec(`DELETE FROM ${name}`);
  }

  close(): void {
    this.#prepared.clear();
    this.#db.close();
  }
}

/** Where a test is not about sealing: as fast as it gets, and still not plain text. */
export const reversed: Sealer = {
  seal: (text) => new TextEncoder().encode(text).reverse(),
  open: (sealed) => new TextDecoder().decode(new Uint8Array(sealed).slice().reverse()),
};
