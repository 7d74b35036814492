/**
 * The Worker as it is, with a bare Hono application beside it, with operations that do nothing but what is done for
 * every operation, and with a database that counts. Runs in workerd. Only `api.ts` builds it.
 */
import { Hono } from "hono";
import { z } from "zod";
import type { UsersOrder } from "../test/harness/chat-orders.ts";
import { newUsers } from "../test/harness/new-users.ts";
import { app } from "../workers/application.ts";
import { EVERYBODY } from "../workers/core/admits.ts";
import type { Env } from "../workers/core/env.ts";
import { LIMITS, type LimitClass } from "../workers/core/limit-classes.ts";
import { operation } from "../workers/core/operation.ts";
import worker from "../workers/index.ts";

export * from "../workers/index.ts";

/** No run is to be refused. Leases are as large as those of a session of the pages. */
for (const limit of Object.values(LIMITS.portal.limits)) Object.assign(limit, { most: 1e9 });

/** About as much as one stream is. */
const THING = { id: 1, title: "A thing", description: "x".repeat(400), is_public: true, created_at: 1_700_000_000_000 };

const bare = new Hono();
bare.get("/bare/things/:id", (c) => c.json({ thing: THING }));

const Thing = z.object({
  id: z.int(),
  title: z.string(),
  description: z.string(),
  is_public: z.boolean(),
  created_at: z.int(),
});

function things(name: string, limit: LimitClass): void {
  operation(
    app,
    {
      method: "get",
      path: `/api/bench/${name}/things/{id}`,
      operationId: `bench ${name}`,
      tags: ["admin"],
      access: "user",
      admits: EVERYBODY,
      limit,
      errors: ["not_found"],
      request: {
        params: z.object({
          id: z
            .string()
            .regex(/^[1-9]\d{0,14}$/)
            .transform(Number),
        }),
        query: z.object({
          live: z.enum(["true", "false"]).optional(),
          limit: z
            .string()
            .regex(/^\d{1,3}$/)
            .optional(),
        }),
      },
      responses: {
        200: { description: "It", content: { "application/json": { schema: z.object({ thing: Thing }) } } },
      },
    },
    (c) => c.json({ thing: THING, ...(c.req.valid("param").id === 0 && c.req.valid("query")) }, 200),
  );
}
things("unlimited", "none");
things("leased", "general");
things("exact", "search");

/** Round trips to the database that read, since somebody asked last. */
let reads = 0;
const READS = /^\s*(select|with)\b/i;

/** Calls go to `target` with what `wrap` makes of some of them. */
function wrapped<T extends object>(target: T, wrap: (name: string | symbol, args: unknown[]) => unknown): T {
  return new Proxy(target, {
    get(_, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => wrap(name, args) ?? Reflect.apply(value, target, args);
    },
  });
}

const sqlOf = new WeakMap<object, string>();

function countedStatement(statement: D1PreparedStatement, sql: string): D1PreparedStatement {
  const proxy = wrapped(statement, (name, args) => {
    if (name === "bind") return countedStatement(statement.bind(...args), sql);
    if (READS.test(sql)) reads += 1;
    return undefined;
  });
  sqlOf.set(proxy, sql);
  return proxy;
}

function countedDatabase<T extends D1Database | D1DatabaseSession>(database: T): T {
  return wrapped(database, (name, args) => {
    if (name === "prepare") return countedStatement(database.prepare(String(args[0])), String(args[0]));
    if (name === "withSession") return countedDatabase((database as D1Database).withSession(args[0] as string));
    if (name === "batch") {
      const statements = args[0] as D1PreparedStatement[];
      if (statements.some((statement) => READS.test(sqlOf.get(statement) ?? ""))) reads += 1;
    }
    return undefined;
  });
}

/** One for the isolate while reads are counted: what is parsed of an environment is kept by its identity. */
let counting: Env | undefined;

async function serve(request: Request, env: Env): Promise<Response> {
  switch (new URL(request.url).pathname) {
    case "/test/count":
      counting = (await request.json<{ on: boolean }>()).on ? { ...env, DB: countedDatabase(env.DB) } : undefined;
      return Response.json({});
    case "/test/users":
      return Response.json(await newUsers(env, await request.json<UsersOrder>()));
    case "/test/reads": {
      const counted = reads;
      reads = 0;
      return Response.json({ reads: counted });
    }
    default:
      return new Response(null, { status: 404 });
  }
}

export default {
  ...worker,
  fetch(request, env, execution) {
    const { url } = request;
    if (url.includes("/bare/")) return bare.fetch(request, env, execution);
    if (url.includes("/test/")) return serve(request, env);
    return worker.fetch(request, counting ?? env, execution);
  },
} satisfies ExportedHandler<Env>;
