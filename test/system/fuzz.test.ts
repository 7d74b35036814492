/** One quick round of `npm run fuzz:api`; the long one is for whoever changes the API. */
import { spawn } from "node:child_process";
import path from "node:path";
import process from "node:process";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";

const SCRIPT = path.resolve(import.meta.dirname, "../../scripts/fuzz-api.mjs");

/** The first time it builds, and installs schemathesis. */
const TIMEOUT_MS = 300_000;

test(
  "nothing that the description allows, or forbids, makes the API fail or say what is not described",
  async () => {
    const child = spawn(process.execPath, [SCRIPT, "--small"], { stdio: ["ignore", "pipe", "inherit"] });
    const code = new Promise<number | null>((resolve) => child.once("close", resolve));
    const output = await text(child.stdout);
    const [, cases] = /^(\d+) cases from seed 1, 0 failures$/m.exec(output) ?? expect.fail(output.slice(-10_000));
    expect(Number(cases)).toBeGreaterThan(400);
    expect(await code).toBe(0);
  },
  TIMEOUT_MS,
);
