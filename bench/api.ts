/**
 * R10 and R11: what it costs a `GET` to be one of ours.
 *
 * R10: an operation that does nothing but what is done for each — credentials (a session's token), its path and query
 * checked, headers, log — beside a bare Hono application that replies the same, in the same Worker: without a limit,
 * with permits of a lease, and with one call of the limiter for each request. The rates of real operations, which read
 * the database, stand beside it for orientation.
 *
 * R11: round trips to D1 that read, for real operations: by a session that this isolate knows, and by one it does not.
 *
 *   npx node bench/api.ts [runs] [seconds] [connections]
 */
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import type { TestUser } from "../test/harness/chat-orders.ts";
import { startTestEdge } from "../test/harness/test-edge.ts";
import type { Load } from "./http-load.ts";
import { cpuSeconds, median } from "./processes.ts";
import { writeResults } from "./results.ts";

const RUNS = Number(process.argv[2] ?? 7);
const SECONDS = Number(process.argv[3] ?? 4);
const CONNECTIONS = Number(process.argv[4] ?? 32);
const WARM_SECONDS = 1;
/** By then an isolate looks a session up again. */
const FORGOTTEN_MS = 8_100;
/** As many as a list shows. */
const LISTED = 50;

type Shot = Load & { server_cpu: number };

const run = promisify(execFile);
const edge = await startTestEdge({ entry: "bench/api-worker.ts" });

const accounts = async (count: number, role: string) =>
  (await edge.ask("POST", "users", { count, role })) as (TestUser & { id: number })[];

async function call<T>(method: string, what: string, token: string, body?: unknown): Promise<T> {
  const response = await fetch(`${edge.origin}${what}`, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${what} answered ${response.status}: ${await response.text()}`);
  return response.json() as Promise<T>;
}

async function load(what: string, token: string, seconds: number): Promise<Shot> {
  const script = path.join(import.meta.dirname, "http-load.ts");
  const headers = [`Authorization: Bearer ${token}`, "User-Agent: bench"];
  const before = cpuSeconds(edge.pid());
  const args = [script, edge.origin, what, String(CONNECTIONS), String(seconds), ...headers];
  const { stdout } = await run(process.execPath, args);
  const shot: Load = JSON.parse(stdout);
  if (shot.failed > 0) throw new Error(`${what}: ${shot.failed} of ${shot.requests} failed`);
  return { ...shot, server_cpu: cpuSeconds(edge.pid()) - before };
}

async function readsOf(what: string, token: string): Promise<number> {
  await edge.ask("GET", "reads");
  await call("GET", what.replace("{key}", stream.public_key), token);
  return ((await edge.ask("GET", "reads")) as { reads: number }).reads;
}

const [admin] = await accounts(LISTED, "admin");
const [user, ...others] = await accounts(LISTED, "user");
if (!admin || !user) throw new Error("no accounts");
let stream = { id: 0, public_key: "" };
for (let n = 0; n < LISTED; n++) {
  stream = await call("POST", "/api/streams", user.token, { title: `Stream ${n}`, is_public: true });
}

// R11
const singles = [
  "/api/me",
  "/api/user/2fa/status",
  "/api/streams/{key}",
  "/api/stream/{key}/info",
  "/api/stats/public",
];
const lists = [
  "/api/streams",
  "/api/streams/public",
  "/api/chat/channels",
  "/api/library",
  "/api/tokens",
  "/api/api-keys",
  "/api/ssh-keys",
  "/api/activity",
];
const OF_ADMINS = ["/api/users?limit=50", "/api/admin/audit-log"];
const reads: Record<string, { known: number; unknown: number }> = {};
await edge.ask("POST", "count", { on: true });
for (const what of [...singles, ...lists]) {
  // Nobody has asked by the session of this one yet.
  const fresh = others.pop();
  if (!fresh) throw new Error("not enough accounts");
  const unknown = await readsOf(what, fresh.token);
  await readsOf(what, user.token);
  reads[what] = { known: await readsOf(what, user.token), unknown };
}
for (const what of OF_ADMINS) {
  const unknown = await readsOf(what, admin.token);
  reads[what] = { known: await readsOf(what, admin.token), unknown };
  await new Promise((resolve) => setTimeout(resolve, FORGOTTEN_MS));
}

await edge.ask("POST", "count", { on: false });

// R10
const BARE = "/bare/things/7";
const VARIANTS = ["unlimited", "leased", "exact"] as const;
const pathOf = (name: string) => `/api/bench/${name}/things/7?limit=50&live=true`;
const peers: Record<string, string> = {
  bare: BARE,
  ...Object.fromEntries(VARIANTS.map((name) => [name, pathOf(name)])),
  "GET /api/me": "/api/me",
  "GET /api/streams/{id}": `/api/streams/${stream.id}`,
};
const shots: Record<string, Shot[]> = Object.fromEntries(Object.keys(peers).map((name) => [name, []]));
try {
  for (const what of Object.values(peers)) await load(what, user.token, WARM_SECONDS);
  for (let n = 0; n < RUNS; n++) {
    for (const [name, what] of Object.entries(peers)) {
      const shot = await load(what, user.token, SECONDS);
      shots[name]?.push(shot);
      console.log(`run ${n}, ${name}: ${Math.round(shot.requests / shot.seconds)}/s, p99 ${shot.p99_ms} ms`);
    }
  }
} finally {
  await edge.stop();
}

const rates = (name: string) => (shots[name] ?? []).map(({ requests, seconds }) => requests / seconds);
/** Median of the ratios run by run: what disturbed a run disturbed both of its sides. */
const ratio = (name: string) => {
  const bare = rates("bare");
  return Number(median(rates(name).map((rate, n) => rate / (bare[n] ?? Number.NaN))).toFixed(3));
};
const each = (figure: (shot: Shot) => number, digits: number) =>
  Object.fromEntries(
    Object.entries(shots).map(([name, all]) => [name, Number(median(all.map(figure)).toFixed(digits))]),
  );
const most = (whats: string[]) => Math.max(...whats.map((what) => reads[what]?.known ?? Number.NaN));

writeResults(
  "api",
  {
    runs: RUNS,
    connections: CONNECTIONS,
    R10_ratios: {
      "without a limit ÷ bare Hono": { is: ratio("unlimited"), must: 0.75, aim: 0.85 },
      "leased permits ÷ bare Hono": { is: ratio("leased"), must: 0.5, aim: 0.65 },
      "one exact call ÷ bare Hono": { is: ratio("exact"), must: 0.35, aim: 0.4 },
    },
    requests_per_s: each(({ requests, seconds }) => requests / seconds, 0),
    server_cpu_microseconds: each(({ server_cpu, requests }) => (server_cpu / requests) * 1e6, 1),
    p99_ms: each(({ p99_ms }) => p99_ms, 2),
    R11: {
      "reads of one thing, session known": { is: most(singles), must: 1 },
      "reads of a list of 50, session known": { is: most([...lists, ...OF_ADMINS]), must: 2 },
      reads,
    },
  },
  shots,
);
process.exit(0);
