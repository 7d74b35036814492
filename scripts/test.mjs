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

/** One after the other. Those of `system` mostly wait; `media` and `e2e` measure time, and must not share the machine. */
const STAGES = [["unit"], ["worker", "system"], ["media"], ["pages"], ["e2e"]];

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
 * @typedef {{status: string, fullName: string, failureMessages: string[]}} Test
 * @typedef {{name: string, status: string, message: string, assertionResults: Test[]}} File
 * @typedef {{numPassedTests: number, testResults: File[]}} Report
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
/** What failed and why, to be told once more when all is over: a log is read from its end. @type {string[]} */
const failures = [];
/** Somebody has had enough: what runs is ended, and nothing follows. */
let stopped = false;

/** @param {string} project */
async function runProject(project) {
  const file = path.join(reports, `${project}.json`);
  const code = await vitest(project, file);
  const report = readReport(file);
  passed += report?.numPassedTests ?? 0;
  const before = failures.length;
  for (const { name, status, message, assertionResults: tests } of report?.testResults ?? []) {
    const told = `${project} ${path.relative(ROOT, name)}`;
    const broken = tests.filter((test) => test.status === "failed");
    for (const test of broken) failures.push(`${told} > ${test.fullName}\n${test.failureMessages.join("\n")}`);
    // A file that could not be loaded or set up has no failed test, and fails all the same.
    if (status === "failed" && broken.length === 0) failures.push(`${told}\n${message}`);
  }
  // So does an error outside of any test.
  if (code !== 0 && failures.length === before)
    failures.push(`${project}\nVitest ended with ${code}; its output above says why.`);
}

for (const projects of STAGES) if (!stopped) await Promise.all(projects.map(runProject));
rmSync(reports, { recursive: true });
for (const failure of failures) console.log(`\nFAILED ${failure}`);
console.log(`\n${passed} passed, ${failures.length} failed`);
process.exit(failures.length === 0 && !stopped ? 0 : 1);
