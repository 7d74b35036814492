/** `npm run dev`, on a copy of the sources so that the change it waits for is made to nobody else's. */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { type Launch, launchSluice, localS3Of } from "../harness/sluice.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const KEPT = ["schema", "workers", "durable-objects", "media-worker", "web", "scripts", "dist"];
const FILES = ["package.json", "package-lock.json", "wrangler.toml", "vite.config.ts", "tsconfig.json"];

const copy = mkdtempSync(path.join(tmpdir(), "sluice-dev-"));
let started: Launch | undefined;
afterEach(async () => {
  await started?.stop();
  rmSync(copy, { recursive: true, force: true });
});

async function until(what: string, milliseconds: number, probe: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + milliseconds;
  while (!(await probe())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${milliseconds} ms\n${started?.logs()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test("a change is built and takes effect; a faulty one leaves what runs alone", async () => {
  for (const name of [...KEPT, ...FILES]) {
    cpSync(path.join(ROOT, name), path.join(copy, name), { recursive: true, preserveTimestamps: true });
  }
  symlinkSync(path.join(ROOT, "node_modules"), path.join(copy, "node_modules"));
  started = launchSluice({ command: [process.execPath, path.join(copy, "scripts/start.mjs"), "--json", "--watch"] });
  const { url } = await started.ready;
  const version = async () => ((await (await fetch(`${url}/health`)).json()) as { version: string }).version;
  await until("watching", 5000, () => started?.logs().includes("Watching the sources") === true);

  const { endpoint } = localS3Of(started.data);

  const source = path.join(copy, "schema/contract/version.ts");
  const before = readFileSync(source, "utf8");
  writeFileSync(source, before.replace(/VERSION = ".*"/, 'VERSION = "0.0.0-dev"'));
  await until("the new version", 60_000, () =>
    version().then(
      (now) => now === "0.0.0-dev",
      () => false,
    ),
  );

  // Addresses that were signed before are good ones still.
  expect((await fetch(endpoint)).status).toBeLessThan(500);

  writeFileSync(source, "export const VERSION = ;");
  await until("the fault", 60_000, () => started?.logs().includes("version.ts:1:") === true);
  expect(await version()).toBe("0.0.0-dev");
});
