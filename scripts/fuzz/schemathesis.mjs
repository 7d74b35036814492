/** Schemathesis, in a Python environment of its own beside the npm packages. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { ROOT } from "../freshness.mjs";
import { installDebian } from "../install.mjs";
import { run } from "../run.mjs";
import { during, fail } from "../say.mjs";

const REQUIREMENTS = path.join(import.meta.dirname, "requirements.txt");
const CACHE = path.join(ROOT, "node_modules/.cache");

/**
 * Installs it unless it is there.
 * @returns {Promise<string[]>} the program and its first arguments
 */
export async function installSchemathesis() {
  const version = createHash("sha256").update(readFileSync(REQUIREMENTS)).digest("hex").slice(0, 12);
  const folder = path.join(CACHE, `schemathesis-${version}`);
  const python = path.join(folder, "bin/python");
  const complete = path.join(folder, "complete");
  if (!existsSync(complete)) {
    await needPython();
    await during("Installing schemathesis", async () => {
      await run("python3", ["-m", "venv", "--clear", folder]);
      const options = ["--quiet", "--disable-pip-version-check", "--requirement", REQUIREMENTS];
      await run(python, ["-m", "pip", "install", ...options]);
    }).catch((error) => fail(`Schemathesis could not be installed: ${error.message}`));
    writeFileSync(complete, "");
  }
  // Its own script would name the folder it was installed in, which may have moved since.
  return [python, "-m", "schemathesis.cli"];
}

async function needPython() {
  const wanted = { python3: "python3", "python3-venv": "/usr/share/doc/python3-venv/copyright" };
  try {
    await run("python3", ["-c", "import ensurepip, venv"]);
  } catch {
    if (!(await installDebian(wanted))) fail("Schemathesis needs Python 3.10 or newer with its module venv");
  }
}
