/** What the tests' Worker can do to its objects, no other build can. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildWorker } from "../../scripts/build/worker.mjs";

const FAULTY = [/ctx\.abort\(/, /"\/test\//, /NaiveRoom/];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "sluice-build-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function built(entry?: string): Promise<string> {
  await buildWorker(folder, entry);
  return ["index.js", "options.json"].map((name) => readFileSync(path.join(folder, name), "utf8")).join("\n");
}

test("the Worker that is built to run has neither the route nor the abort of the tests", {
  timeout: 30_000,
}, async () => {
  const production = await built();
  const faulty = await built("test/harness/faulty-worker.ts");
  for (const mark of FAULTY) {
    const found = { mark, faulty: mark.test(faulty), production: mark.test(production) };
    expect(found).toEqual({ mark, faulty: true, production: false });
  }
});
