/** Child programs whose output matters only when they fail. */
import { spawn } from "node:child_process";
import process from "node:process";

/** The last of what a failed program printed is enough to see why. */
const KEPT_CHARACTERS = 20_000;
const STOPS = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]);

/**
 * Runs a program to its end. A failure rejects with the end of its output.
 * @param {string} command
 * @param {string[]} args
 * @param {import("node:child_process").SpawnOptions} [options]
 * @returns {Promise<void>}
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
    let output = "";
    const keep = (/** @type {Buffer} */ chunk) => {
      output = (output + chunk).slice(-KEPT_CHARACTERS);
    };
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
    // Stopping the script must not leave its child at work.
    const stop = () => {
      child.kill("SIGTERM");
      process.exit(1);
    };
    for (const signal of STOPS) process.once(signal, stop);
    const name = [command, ...args].join(" ");
    child.once("error", (error) => reject(new Error(`${name}: ${error.message}`)));
    child.once("close", (code, signal) => {
      for (const signal of STOPS) process.off(signal, stop);
      if (code === 0) resolve();
      else reject(new Error(`${name} ended with ${signal ?? code}\n${output.trimEnd()}`));
    });
  });
}
