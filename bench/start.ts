/** R16: `npm start` to the line of readiness, warm (installed, built, with data). The first start of each run is not counted. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { launchSluice } from "../test/harness/sluice.ts";
import { median } from "./processes.ts";
import { writeResults } from "./results.ts";

const RUNS = 9;
const MUST_MS = 2000;
const data = mkdtempSync(path.join(tmpdir(), "sluice-bench-"));

async function start(): Promise<number> {
  const began = performance.now();
  const launch = launchSluice({ data, command: ["npm", "start", "--silent", "--", "--json"] });
  await launch.ready;
  const took = performance.now() - began;
  await launch.stop();
  return Math.round(took);
}

await start();
const milliseconds: number[] = [];
for (let run = 0; run < RUNS; run++) milliseconds.push(await start());
rmSync(data, { recursive: true });
const ready = median(milliseconds);
writeResults("start", { R16_ready_ms: ready, must_ms: MUST_MS, ok: ready <= MUST_MS }, { milliseconds });
