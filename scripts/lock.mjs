/**
 * `npm run lock`, after every change of the dependencies. Some registries lack builds of a package for some platforms.
 * npm then leaves those optional packages out of the lock file, and `npm ci` fails with "Missing: … from lock file" on
 * every machine. This adds the entries; npm never installs them where the platform does not match.
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { ROOT } from "./freshness.mjs";

/**
 * @typedef {{version?: string, cpu?: string[], os?: string[], libc?: string[], dev?: boolean, optional?: boolean,
 *   resolved?: string, optionalDependencies?: Record<string, string>}} Entry
 * @typedef {Record<string, Entry>} Packages keyed by their path: `node_modules/a/node_modules/b`
 */

const SYSTEMS = ["darwin", "linux", "win32", "android", "freebsd", "netbsd", "openbsd", "sunos", "aix", "openharmony"];
const PROCESSORS = ["x64", "arm64", "ia32", "arm", "s390x", "ppc64", "riscv64", "loong64", "mips64el"];

/** What a package's name says about where it runs, e.g. `@esbuild/linux-arm64`, `workerd-windows-64`. @param {string} name */
function platformOf(name) {
  const words = name.replace(/^@[^/]+\//, "").split(/[-_]/);
  const os = SYSTEMS.find((system) => words.includes(system)) ?? (words.includes("windows") ? "win32" : undefined);
  const cpu = PROCESSORS.find((processor) => words.includes(processor)) ?? (words.includes("64") ? "x64" : undefined);
  return {
    ...(cpu && { cpu: [cpu] }),
    ...(words.includes("musl") && { libc: ["musl"] }),
    ...(os && { os: [os] }),
  };
}

/**
 * The entry that Node would find for `name` from the package at `from`, walking up the folders.
 * @param {Packages} packages
 * @param {string} from
 * @param {string} name
 */
function find(packages, from, name) {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("node_modules/") - 1))) {
    const found = packages[`${folder && `${folder}/`}node_modules/${name}`];
    if (found !== undefined || folder === "") return found;
  }
}

/**
 * Adds what is missing.
 * @param {Packages} packages
 * @returns {string[]} the keys that were added
 */
export function repair(packages) {
  const added = [];
  for (const [from, entry] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const found = find(packages, from, name);
      // A range is npm's to resolve; platform builds are always wanted exactly.
      if (!/^\d/.test(version) || found?.version === version) continue;
      const key = found === undefined ? `node_modules/${name}` : `${from}/node_modules/${name}`;
      packages[key] = { version, ...(entry.dev && { dev: true }), optional: true, ...platformOf(name) };
      added.push(key);
    }
  }
  return added;
}

if (process.argv[1] === import.meta.filename) {
  const file = path.join(ROOT, "package-lock.json");
  const lock = JSON.parse(readFileSync(file, "utf8"));
  const added = repair(lock.packages);
  for (const entry of Object.values(lock.packages)) delete entry.resolved;
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(added.length === 0 ? "The lock file is complete." : `Added: ${added.join(", ")}`);
}
