/** What the object of a media worker knows of its link, in storage: it may be evicted between any two frames. */
import { z } from "zod";
import { Role } from "#contract/media";

/** The link as it is now. `connection`: the newest socket; `greeted`: it was welcomed. */
const Link = z.object({
  connection: z.string().nullable(),
  greeted: z.boolean(),
  boot: z.string().nullable(),
  play_url: z.string(),
  roles: z.array(Role).default([]),
  /** How many queued jobs the worker takes at once. */
  max_tasks: z.number().int().default(0),
  heard_at: z.number().int(),
  closed_at: z.number().int().nullable(),
  /** Period of the newest keys that the worker was handed. */
  key_period: z.number().int(),
});
export type Link = z.infer<typeof Link>;

const NO_LINK: Link = {
  connection: null,
  greeted: false,
  boot: null,
  play_url: "",
  roles: [],
  max_tasks: 0,
  heard_at: 0,
  closed_at: null,
  key_period: 0,
};

export class LinkRecord {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec("CREATE TABLE IF NOT EXISTS link (id INTEGER PRIMARY KEY CHECK (id = 1), value TEXT NOT NULL)");
  }

  get(): Link {
    const [row] = this.#sql.exec<{ value: string }>("SELECT value FROM link").toArray();
    return row ? Link.parse(JSON.parse(row.value)) : NO_LINK;
  }

  set(change: Partial<Link>): void {
    this.#sql.exec(
      "INSERT INTO link (id, value) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET value = excluded.value",
      JSON.stringify({ ...this.get(), ...change }),
    );
  }
}
