/**
 * `npm run fuzz:api`: calls every operation of `/openapi.json` with what schemathesis makes of its description, right and
 * wrong, as an admin and as an ordinary user. A reply that is a failure of ours (5xx), or that the description does not
 * know, fails. Plain JavaScript, as `npm start` is.
 *
 * `--cases N`: at least so many, 10,000 when not said; `--small`: one quick round; `--seed N`: another order of chance.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { caller, furnish, newPerson, record, signIn } from "./fuzz/people.mjs";
import { installSchemathesis } from "./fuzz/schemathesis.mjs";
import { settings } from "./fuzz/settings.mjs";
import { startSluice } from "./fuzz/sluice.mjs";
import { installDebian, installPackages } from "./install.mjs";
import { fail, say } from "./say.mjs";

const { values: given } = parseArgs({
  options: {
    cases: { type: "string", default: "10000" },
    small: { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
  },
});
const wanted = given.small ? 1 : Number(given.cases);
const seed = Number(given.seed);
if (![wanted, seed].every((number) => Number.isSafeInteger(number) && number > 0))
  fail("--cases and --seed take a number");
/** Of each operation, beside those that its description names. */
const EXAMPLES = given.small ? 3 : 30;
const PHASES = given.small ? "examples,fuzzing" : "examples,coverage,fuzzing,stateful";

/** @typedef {{ test_cases: { generated: number, unique_failures: number }, errors: unknown[] }} Report */

await installPackages();
const [program = "", ...first] = await installSchemathesis();
const canRecord = await installDebian({ ffmpeg: "ffmpeg" });
const sluice = await startSluice().catch((error) => fail(error.message));
const folder = mkdtempSync(path.join(tmpdir(), "sluice-fuzz-"));

/**
 * One round of one caller.
 * @param {string} who
 * @param {import("./fuzz/people.mjs").Person} person
 * @param {string[]} vods
 * @param {number} round
 * @returns {Promise<{ cases: number, failures: number }>}
 */
async function fuzz(who, person, vods, round) {
  say(`\nAs ${who}, with seed ${round}:`);
  const { streams } = await caller(sluice.url, person.token)("GET", "/api/streams");
  /** @param {{ public_key: string, stream_key: string }} stream */
  const keysOf = ({ public_key, stream_key }) => [public_key, stream_key];
  const config = path.join(folder, "schemathesis.toml");
  const file = path.join(folder, `${person.username}-${round}.json`);
  writeFileSync(config, settings(person.token, { vods, keys: streams.flatMap(keysOf), ...person }));
  const chance = ["--seed", `${round}`, "--max-examples", `${EXAMPLES}`];
  const options = ["--phases", PHASES, "--report-json-path", file];
  await schemathesis(["--config-file", config, "run", `${sluice.url}/openapi.json`, ...chance, ...options]);
  /** @type {Report} */
  const report = JSON.parse(readFileSync(file, "utf8"));
  const { generated: cases, unique_failures } = report.test_cases;
  if (cases === 0) throw new Error("schemathesis called nothing");
  // Whoever is not signed in any more has tested nothing.
  await caller(sluice.url, person.token)("GET", "/api/me");
  return { cases, failures: unique_failures + report.errors.length };
}

/** @param {string[]} args @returns {Promise<void>} */
function schemathesis(args) {
  const child = spawn(program, [...first, ...args], {
    cwd: folder,
    stdio: "inherit",
    env: { ...process.env, PYTHONPATH: path.join(import.meta.dirname, "fuzz"), PYTHONDONTWRITEBYTECODE: "1" },
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", () => resolve());
  });
}

const total = { cases: 0, failures: 0 };
try {
  const admin = await signIn(sluice.url, sluice.admin_username, sluice.admin_password);
  await furnish(sluice.url, admin);
  const vods = canRecord ? [await record(sluice, admin)] : [];
  for (let round = seed; total.cases < wanted; round++) {
    // Before the admin, who may well delete the account.
    const user = await newPerson(sluice.url, admin, `user-${round}`);
    for (const [who, person] of /** @type {const} */ ([
      ["a user", user],
      ["a superadmin", admin],
    ])) {
      const { cases, failures } = await fuzz(who, person, vods, round);
      total.cases += cases;
      total.failures += failures;
    }
  }
} finally {
  await sluice.stop();
  rmSync(folder, { recursive: true, force: true });
}
if (total.failures > 0) console.log(sluice.errors.slice(-20).join("\n"));
console.log(`\n${total.cases} cases from seed ${seed}, ${total.failures} failures`);
process.exit(total.failures === 0 ? 0 : 1);
