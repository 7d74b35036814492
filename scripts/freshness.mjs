/**
 * Which parts of `dist/` are older than their sources. Each part keeps a stamp of the inputs it was built from: a
 * digest of sizes and times, which is quick to compare, and one of contents, which decides when the times differ.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";

export const ROOT = path.resolve(import.meta.dirname, "..");
export const DIST = path.join(ROOT, "dist");
const STAMPS = path.join(DIST, ".stamps");

/** @typedef {"worker" | "media-worker" | "launcher" | "web"} Part */

const SHARED = ["schema/contract", "schema/kit", "scripts/build", "package.json", "package-lock.json", "tsconfig.json"];

/** @type {Record<Part, string[]>} */
const INPUTS = {
  worker: [...SHARED, "schema/tables", "workers", "durable-objects", "wrangler.toml"],
  "media-worker": [...SHARED, "media-worker"],
  launcher: [...SHARED, "scripts/launch", "scripts/s3-check"],
  web: [...SHARED, "web", "vite.config.ts"],
};

export const PARTS = /** @type {Part[]} */ (Object.keys(INPUTS));

/**
 * @param {Part} part
 * @returns {string[]} absolute paths of the files and folders `part` is built from
 */
export const inputsOf = (part) => INPUTS[part].map((name) => path.join(ROOT, name));

/**
 * @param {string} entry a file or folder
 * @returns {string[]} the files in it
 */
function files(entry) {
  if (!existsSync(entry)) return [];
  if (!statSync(entry).isDirectory()) return [entry];
  return readdirSync(entry, { recursive: true, withFileTypes: true })
    .filter((found) => found.isFile())
    .map((found) => path.join(found.parentPath, found.name))
    .sort();
}

/** @param {(hash: import("node:crypto").Hash) => void} feed */
function digest(feed) {
  const hash = createHash("sha256");
  feed(hash);
  return hash.digest("base64url");
}

/** @param {string[]} list */
const timesOf = (list) =>
  digest((hash) => {
    for (const file of list) {
      const { size, mtimeMs } = statSync(file);
      hash.update(`${file}\0${size}\0${mtimeMs}\n`);
    }
  });

/** @param {string[]} list */
const contentsOf = (list) =>
  digest((hash) => {
    for (const file of list)
      hash
        .update(`${path.relative(ROOT, file)}\0`)
        .update(readFileSync(file))
        .update("\0");
  });

/**
 * The state of a part's inputs now. Take it before the build: a change during the build leaves the part stale.
 * @param {Part} part
 */
export function stampOf(part) {
  const list = inputsOf(part).flatMap(files);
  return { times: timesOf(list), contents: contentsOf(list) };
}

/**
 * @param {Part} part
 * @param {{times: string, contents: string}} stamp
 */
export function writeStamp(part, stamp) {
  mkdirSync(STAMPS, { recursive: true });
  writeFileSync(path.join(STAMPS, `${part}.json`), JSON.stringify(stamp));
}

/** @param {Part} part */
function isStale(part) {
  const file = path.join(STAMPS, `${part}.json`);
  if (!existsSync(file) || !existsSync(path.join(DIST, part))) return true;
  const kept = JSON.parse(readFileSync(file, "utf8"));
  if (kept.times === timesOf(inputsOf(part).flatMap(files))) return false;
  const now = stampOf(part);
  if (kept.contents !== now.contents) return true;
  writeStamp(part, now);
  return false;
}

/** @returns {Part[]} */
export const staleParts = () => PARTS.filter(isStale);
