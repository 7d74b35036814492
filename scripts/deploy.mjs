/**
 * `npm run deploy`: builds, brings the D1 database up to date, deploys the Worker and looks at the bucket that its
 * recordings go to. `-- --dry-run` works offline.
 */
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { ROOT } from "./freshness.mjs";
import { findNode, installPackages } from "./install.mjs";
import { run } from "./run.mjs";
import { during, fail, say } from "./say.mjs";

/** In `wrangler.toml` until the operator has made a database. */
const NO_DATABASE = "00000000-0000-0000-0000-000000000001";

const args = process.argv.slice(2);
const rehearsal = args.includes("--dry-run");

await installPackages();
const node = findNode();
const config = readFileSync(path.join(ROOT, "wrangler.toml"), "utf8");
if (!rehearsal && config.includes(NO_DATABASE)) {
  fail("There is no database yet: run `npx wrangler d1 create sluice` and put its id into wrangler.toml");
}
await during("Building", () => run(node, [path.join(ROOT, "scripts/build.mjs"), "--stale"], { cwd: ROOT })).catch(
  (error) => fail(`The build failed: ${error.message}`),
);

/** @param {string[]} words @returns {Promise<void>} */
function wrangler(...words) {
  const env = { ...process.env, WRANGLER_SEND_METRICS: "false", WRANGLER_HIDE_BANNER: "true" };
  const script = path.join(ROOT, "node_modules/wrangler/bin/wrangler.js");
  const child = spawn(node, [script, ...words], { cwd: ROOT, stdio: "inherit", env });
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) process.once(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => (code === 0 ? resolve() : fail(`wrangler ${words.join(" ")} failed`)));
  });
}

// The new code may need the new tables; the old code must be able to live with them for a moment.
if (!rehearsal) await wrangler("d1", "migrations", "apply", "sluice", "--remote");
await wrangler("deploy", ...args);
if (!rehearsal) {
  say("Deployed. The first time: npm run bootstrap -- <its URL>");
  say("The bucket of recordings (again: npm run s3:check -- --deployed):");
  // The Worker is up whatever this finds; what is wrong is said in words.
  spawnSync(node, [path.join(ROOT, "dist/launcher/s3-check.js"), "--deployed"], { cwd: ROOT, stdio: "inherit" });
}
