/**
 * A second Worker beside the real one, locally only. It serves the assets, because a Worker that has assets of its own
 * is reached through Miniflare's proxy at half the speed, and it applies the migrations from inside the runtime, which
 * is quicker than through Miniflare's API.
 *
 * @typedef {{prepare(sql: string): Statement, batch(list: Statement[]): Promise<unknown>}} Database
 * @typedef {{bind(...values: unknown[]): Statement, run(): Promise<unknown>, all(): Promise<{results: {name: string}[]}>}} Statement
 * @typedef {{ASSETS: {fetch(request: Request): Promise<Response>}, DB: Database, MIGRATIONS: {name: string, statements: string[]}[]}} Env
 */

export default {
  /** @param {Request} request @param {Env} env */
  fetch: (request, env) => env.ASSETS.fetch(request),
};

/** The same record of what was applied as `wrangler d1 migrations apply` keeps. */
const TABLE = `CREATE TABLE IF NOT EXISTS d1_migrations(
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)`;

/** Applies what is missing, each migration in one transaction, and replies with the names of those. */
export const migrations = {
  /** @param {Request} _request @param {Env} env */
  async fetch(_request, { DB, MIGRATIONS }) {
    try {
      await DB.prepare(TABLE).run();
      const { results } = await DB.prepare("SELECT name FROM d1_migrations").all();
      const applied = new Set(results.map((row) => row.name));
      const missing = MIGRATIONS.filter((migration) => !applied.has(migration.name));
      for (const { name, statements } of missing) {
        const record = DB.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(name);
        await DB.batch([...statements.map((statement) => DB.prepare(statement)), record]);
      }
      return Response.json(missing.map((migration) => migration.name));
    } catch (error) {
      return new Response(error instanceof Error ? error.message : String(error), { status: 500 });
    }
  },
};
