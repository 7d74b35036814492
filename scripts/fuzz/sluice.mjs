/** A Sluice of its own to be fuzzed: free ports, no general limits, and state that goes away with it. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { ROOT } from "../freshness.mjs";

/** A developer's own bucket, in the environment or in `.env`, is no place for what is made here. */
const NO_S3 = {
  S3_ENDPOINT: "",
  S3_PUBLIC_ENDPOINT: "",
  S3_BUCKET: "",
  S3_REGION: "",
  S3_ACCESS_KEY_ID: "",
  S3_SECRET_ACCESS_KEY: "",
};

/**
 * @typedef {{ url: string, rtmp: string, stream_key: string, admin_username: string }} Ready
 * @typedef {Ready & { admin_password: string, errors: string[], stop(): Promise<void> }} Sluice
 *   `errors`: what it logged of that kind so far
 */

/** @returns {Promise<Sluice>} */
export async function startSluice() {
  const data = mkdtempSync(path.join(tmpdir(), "sluice-fuzz-"));
  const admin_password = randomBytes(18).toString("base64url");
  const child = spawn(process.execPath, [path.join(ROOT, "scripts/start.mjs"), "--json"], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      ...process.env,
      ...NO_S3,
      SLUICE_PORT: "0",
      SLUICE_RTMP_PORT: "0",
      SLUICE_DATA: data,
      SLUICE_ADMIN_PASSWORD: admin_password,
      SLUICE_EXIT_WITH_PARENT: "1",
      SLUICE_RATE_LIMITS: "off",
      // What is counted by address all the same sees one of each call's own: see hooks.py.
      SLUICE_TRUST_PROXY: "1",
    },
  });
  const stop = async () => {
    child.kill("SIGTERM");
    await exited;
    rmSync(data, { recursive: true, force: true });
  };
  /** @type {string[]} */
  const errors = [];
  /** @type {Promise<void>} */
  const exited = new Promise((resolve) => child.once("close", () => resolve()));
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"]))
    process.once(signal, () => void stop().then(() => process.exit(1)));
  /** @type {Promise<Ready>} */
  const ready = new Promise((resolve, reject) => {
    createInterface(child.stdout).on("line", (line) => {
      const entry = JSON.parse(line);
      if (entry.event === "ready") resolve(entry);
      else if (entry.event === "error") reject(new Error(entry.message));
      else if (entry.level === "error") errors.push(line);
    });
    exited.then(() => reject(new Error("Sluice ended before it was ready")));
  });
  try {
    return { ...(await ready), admin_password, errors, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
