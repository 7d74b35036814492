/**
 * `npm test`: gets what the tests need, builds, runs every Vitest project and closes with one line of totals.
 * Words after `--` select test files; `--long` runs the tests that take many minutes as well.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { ROOT } from "./freshness.mjs";
import { findNode, installDebian, installPackages } from "./install.mjs";
import { run } from "./run.mjs";
import { during, fail } from "./say.mjs";

/** One after the other. Those of `system` mostly wait; the last two measure time, and must not share the machine. */
const STAGES = [["unit"], ["worker", "system"], ["media"], ["e2e"]];

const words = process.argv.slice(2).filter((word) => word !== "--long");
const long = process.argv.includes("--long");

await installPackages();
const node = findNode();
await installDebian({
  ffmpeg: "ffmpeg",
  chromium: "chromium",
  nginx: "nginx",
  "libnginx-mod-rtmp": "/usr/lib/nginx/modules/ngx_rtmp_module.so",
  "openssh-client": "ssh-keygen",
  "openssh-server": "/usr/sbin/sshd",
});
await during("Building", () => run(node, [path.join(ROOT, "scripts/build.mjs"), "--stale"], { cwd: ROOT })).catch(
  (error) => fail(`The build failed: ${error.message}`),
);

/** @param {string} project @param {string} report @returns {Promise<number>} the exit code */
function vitest(project, report) {
  const options = ["run", "--project", project, "--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const child = spawn(
    node,
    [path.join(ROOT, "node_modules/vitest/vitest.mjs"), ...options, "--passWithNoTests", ...words],
    {
      cwd: ROOT,
      stdio: "inherit",
      env: { ...process.env, ...(long && { SLUICE_LONG: "1" }) },
    },
  );
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
    process.once(signal, () => {
      stopped = true;
      child.kill(signal);
    });
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

/**
 * @typedef {{numPassedTests: number, numFailedTests: number, testResults: {status: string, assertionResults: unknown[]}[]}} Report
 * @param {string} file
 * @returns {Report | undefined} undefined when Vitest died before it could write one
 */
function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

const reports = mkdtempSync(path.join(tmpdir(), "sluice-reports-"));
let passed = 0;
let failed = 0;
/** Somebody has had enough: what runs is ended, and nothing follows. */
let stopped = false;

/** @param {string} project */
async function runProject(project) {
  const file = path.join(reports, `${project}.json`);
  const code = await vitest(project, file);
  const report = readReport(file);
  passed += report?.numPassedTests ?? 0;
  // A file that could not be loaded has no tests, and fails all the same; so does an error outside of any test.
  const broken =
    report?.testResults.filter((each) => each.status === "failed" && each.assertionResults.length === 0) ?? [];
  const failures = (report?.numFailedTests ?? 0) + broken.length;
  failed += failures === 0 && code !== 0 ? 1 : failures;
}

for (const projects of STAGES) if (!stopped) await Promise.all(projects.map(runProject));
rmSync(reports, { recursive: true });
console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed === 0 && !stopped ? 0 : 1);
