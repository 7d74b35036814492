/** Keeps the raw figures of a run beside the summary, so that a ratio can be recomputed. */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";

export function writeResults(name: string, summary: Record<string, unknown>, raw: unknown): void {
  const directory = new URL("./results/", import.meta.url);
  mkdirSync(directory, { recursive: true });
  const machine = {
    cpus: cpus().length,
    model: cpus()[0]?.model,
    memory_gb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
  };
  const body = { measured_at: new Date().toISOString(), machine, summary, raw };
  writeFileSync(new URL(`${name}.json`, directory), `${JSON.stringify(body, null, 1)}\n`);
  console.log(JSON.stringify(summary, null, 1));
}
