/**
 * `npm start` and `npm run dev`. Plain JavaScript without packages, because on a fresh machine it runs on whatever Node
 * is there: it gets the rest and hands over to the launcher (`scripts/launch/`).
 */
import { spawn } from "node:child_process";
import module from "node:module";
import path from "node:path";
import process from "node:process";
import { DIST, ROOT, staleParts } from "./freshness.mjs";
import { findNode, installDebian, installPackages } from "./install.mjs";
import { run } from "./run.mjs";
import { during, fail, say } from "./say.mjs";

const LAUNCHER = path.join(DIST, "launcher/main.js");
const PARENT = process.ppid;

await installPackages();
const node = findNode();
if (!(await installDebian({ ffmpeg: "ffmpeg" }))) {
  say("Without FFmpeg recordings have no thumbnails, and the printed command cannot push; all else works");
}
const stale = staleParts();
if (stale.length > 0) {
  await during(`Building ${stale.join(", ")}`, () =>
    run(node, [path.join(ROOT, "scripts/build.mjs"), ...stale], { cwd: ROOT }),
  ).catch((error) => fail(`The build failed: ${error.message}`));
}

// Half of a warm start is compiling. Node ≥ 22 keeps the result, here and in the processes that come from here.
process.env.NODE_COMPILE_CACHE ??= path.join(DIST, ".compiled");
module.enableCompileCache?.(process.env.NODE_COMPILE_CACHE);

if (node === process.execPath) {
  // Quickest, and one process less: become the launcher.
  await import(LAUNCHER);
} else {
  // The channel tells the launcher when this process is killed.
  const launcher = spawn(node, [LAUNCHER, ...process.argv.slice(2)], {
    stdio: ["inherit", "inherit", "inherit", "ipc"],
  });
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
    process.on(signal, () => launcher.kill(signal));
  }
  // A killed npm leaves its children running: they notice by their parent's id.
  if (process.env.npm_lifecycle_event !== undefined) {
    setInterval(() => process.ppid !== PARENT && launcher.kill("SIGTERM"), 250).unref();
  }
  launcher.once("exit", (code) => process.exit(code ?? 1));
}
