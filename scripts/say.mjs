/** What the scripts print before the launcher's own log takes over: lines for people, or JSON objects with `--json`. */
import process from "node:process";

const json = process.argv.includes("--json");

/** @param {string} message */
export function say(message) {
  console.log(json ? JSON.stringify({ event: "log", level: "info", source: "start", message }) : message);
}

/**
 * Ends the program with one clear line.
 * @param {string} message
 * @returns {never}
 */
export function fail(message) {
  if (json) console.log(JSON.stringify({ event: "error", message }));
  else console.error(message);
  process.exit(1);
}

/**
 * Runs `work` and says every ten seconds that it still goes on.
 * @template T
 * @param {string} what
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function during(what, work) {
  const began = Date.now();
  say(`${what} …`);
  const timer = setInterval(() => say(`${what} … ${Math.round((Date.now() - began) / 1000)} s`), 10_000);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
