/** Puts a finished build in place so that a Sluice that runs from the old one never meets half of a new one. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { DIST } from "../freshness.mjs";

const LOCK = path.join(DIST, ".building");

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/**
 * One build at a time in this checkout; a lock whose owner died is taken over.
 * @param {() => Promise<void>} work
 */
export async function withBuildLock(work) {
  mkdirSync(DIST, { recursive: true });
  for (;;) {
    try {
      writeFileSync(LOCK, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EEXIST") throw error;
    }
    const owner = ownerOfLock();
    if (owner !== undefined && !isAlive(owner)) rmSync(LOCK, { force: true });
    else await sleep(100);
  }
  const unlock = () => rmSync(LOCK, { force: true });
  process.once("exit", unlock);
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) process.once(signal, () => process.exit(1));
  try {
    await work();
  } finally {
    process.off("exit", unlock);
    unlock();
  }
}

/** @returns {number | undefined} undefined while the owner is still writing its id, or has just let go */
function ownerOfLock() {
  try {
    return Number(readFileSync(LOCK, "utf8")) || undefined;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "ENOENT") return undefined;
    throw error;
  }
}

/** @param {string} folder */
const filesIn = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));

/**
 * Builds into a fresh folder, then moves file by file: what the new build lacks goes last.
 * @param {string} target
 * @param {(out: string) => Promise<void>} build
 */
export async function publish(target, build) {
  const fresh = `${target}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  await build(fresh);
  mkdirSync(target, { recursive: true });
  const made = filesIn(fresh);
  for (const name of made) {
    mkdirSync(path.dirname(path.join(target, name)), { recursive: true });
    renameSync(path.join(fresh, name), path.join(target, name));
  }
  const keep = new Set(made);
  for (const name of filesIn(target)) if (!keep.has(name)) rmSync(path.join(target, name));
  rmSync(fresh, { recursive: true });
}
