/**
 * What a login costs, and whether its time tells who has an account. The product as `npm start` runs it; each attempt
 * comes from an address of its own, as a proxy in front would say it, because what is measured is not the limits.
 *
 * Four kinds of attempts take turns, in random order: by a name that nobody has, with a wrong password, with the right
 * one, and by a name that is locked, which does all that a login does up to the hash. Unknown names are tried as often
 * as known ones, so that they differ in nothing but being known. A t-test says whether the first two differ: of all
 * samples, and of those below the slowest tenth, where a small difference is not lost in noise. Exits with 1 if it does.
 * Memory is that of the runtime, before the first login, after it, and at the end, when it also holds a limiter of each
 * address.
 *
 *   npx node bench/login.ts [samples of each kind]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { startSluice } from "../test/harness/sluice.ts";
import { memoryOf } from "./processes.ts";
import { writeResults } from "./results.ts";
import { signIn } from "./sluice.ts";
import { quantile, welch } from "./welch.ts";

const SAMPLES = Number(process.argv[2] ?? 400);
/** Of one name, with a wrong password: 20 would lock it. */
const TRIES = 10;
const WARM = 20;
/** |t| below it: no difference is shown. As in dudect, "Dude, is my code constant time?" */
const MUST_T = 4.5;
const KEPT = 0.9;
const ADMIN_PASSWORD = "the bench's own admin";
const PASSWORD = "correct horse battery";
/** As long as the right one. */
const WRONG = "wrong password again.";

const KINDS = ["unknown", "wrong", "right", "locked"] as const;
type Kind = (typeof KINDS)[number];
const STATUS: Record<Kind, number> = { unknown: 401, wrong: 401, right: 200, locked: 429 };

const env = { SLUICE_TRUST_PROXY: "1", SLUICE_ADMIN_PASSWORD: ADMIN_PASSWORD };
const data = mkdtempSync(path.join(tmpdir(), "sluice-bench-"));
// The first start makes the admin, and hashes: memory is compared from the second one on.
await (await startSluice({ data, env })).stop();
const sluice = await startSluice({ data, env });
const memory = () => Math.round(memoryOf(sluice.pids().workerd) / 1e6);

let addresses = 0;
async function attempt(username: string, password: string): Promise<{ status: number; ms: number }> {
  addresses += 1;
  const from = `10.${addresses >> 16}.${(addresses >> 8) & 255}.${addresses & 255}`;
  const request = {
    method: "POST",
    headers: { "content-type": "application/json", "x-forwarded-for": from },
    body: JSON.stringify({ username, password }),
  };
  const began = performance.now();
  const response = await fetch(`${sluice.url}/api/token`, request);
  await response.arrayBuffer();
  return { status: response.status, ms: performance.now() - began };
}

const names = (prefix: string) =>
  Array.from({ length: Math.ceil(SAMPLES / TRIES) }, (_, n) => `${prefix}_${String(n).padStart(4, "0")}`);
const nameFor = (of: string[], n: number) => of[n % of.length] ?? "";
const unknown = names("nobody");
const known = names("person");

const nameOf: Record<Kind, (n: number) => string> = {
  unknown: (n) => nameFor(unknown, n),
  wrong: (n) => nameFor(known, n),
  right: (n) => nameFor(known, n),
  locked: () => "locked",
};

async function sample(kind: Kind, n: number): Promise<number> {
  const { status, ms } = await attempt(nameOf[kind](n), kind === "right" ? PASSWORD : WRONG);
  if (status !== STATUS[kind]) throw new Error(`${kind}: answered ${status}`);
  return ms;
}

function shuffled<T>(values: readonly T[]): T[] {
  return values
    .map((value) => ({ value, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value);
}

const samples: Record<Kind, number[]> = { unknown: [], wrong: [], right: [], locked: [] };
const memory_mb = { before: 0, after_one: 0, after_all: 0 };
try {
  // Whatever else a first request loads is there before a hash is.
  await (await fetch(`${sluice.url}/openapi.json`)).arrayBuffer();
  memory_mb.before = memory();
  const api = await signIn({ ...sluice, adminPassword: ADMIN_PASSWORD });
  memory_mb.after_one = memory();
  for (const username of known) await api.post("/api/users", { username, password: PASSWORD });
  for (let n = 0; n < WARM + 1; n++) await attempt("locked", WRONG);
  for (let n = 0; n < SAMPLES; n++) {
    for (const kind of shuffled(KINDS)) samples[kind].push(await sample(kind, n));
    if ((n + 1) % 100 === 0) console.log(`${n + 1} of ${SAMPLES}`);
  }
  memory_mb.after_all = memory();
} finally {
  await sluice.stop();
  rmSync(data, { recursive: true, force: true });
}

const ms = (value: number) => Number(value.toFixed(2));
const spread = (values: number[]) => ({ median: ms(quantile(values, 0.5)), p95: ms(quantile(values, 0.95)) });
const latency_ms = Object.fromEntries(KINDS.map((kind) => [kind, spread(samples[kind])]));

const withoutHash = quantile(samples.locked, 0.5);
const hashes = [...samples.unknown, ...samples.wrong].map((value) => value - withoutHash);

const limit = quantile([...samples.unknown, ...samples.wrong], KEPT);
const quick = (values: number[]) => values.filter((value) => value <= limit);
const t = {
  all: welch(samples.unknown, samples.wrong),
  below_the_slowest_tenth: welch(quick(samples.unknown), quick(samples.wrong)),
};
const ok = Object.values(t).every((value) => Math.abs(value) < MUST_T);

writeResults(
  "login",
  {
    samples_of_each_kind: SAMPLES,
    latency_ms,
    /** A login that hashes, less one that is refused right before. */
    argon2_ms: spread(hashes),
    memory_mb,
    unknown_against_wrong: {
      t: Object.fromEntries(Object.entries(t).map(([of, value]) => [of, Number(value.toFixed(3))])),
      must_be_below: MUST_T,
      ok,
    },
  },
  Object.fromEntries(KINDS.map((kind) => [kind, samples[kind].map(ms)])),
);
process.exit(ok ? 0 : 1);
