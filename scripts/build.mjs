/** `npm run build`: builds the parts of `dist/` that are named, or all of them; with `--stale` only what is out of date. */
import { rmSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { buildLauncher } from "./build/launcher.mjs";
import { buildMediaWorker } from "./build/media-worker.mjs";
import { publish, withBuildLock } from "./build/publish.mjs";
import { buildWeb } from "./build/web.mjs";
import { buildWorker } from "./build/worker.mjs";
import { DIST, PARTS, staleParts, stampOf, writeStamp } from "./freshness.mjs";

/** @type {Record<import("./freshness.mjs").Part, (out: string) => Promise<void>>} */
const BUILDERS = { worker: buildWorker, "media-worker": buildMediaWorker, launcher: buildLauncher, web: buildWeb };

const named = process.argv.slice(2).filter((word) => word !== "--stale");
const unknown = named.filter((name) => !(name in BUILDERS));
if (unknown.length > 0) {
  console.error(`Unknown part: ${unknown.join(", ")}. There are: ${PARTS.join(", ")}`);
  process.exit(1);
}

await withBuildLock(async () => {
  // Asked inside the lock: another build may just have done the work.
  const candidates = process.argv.includes("--stale") ? staleParts() : PARTS;
  for (const part of candidates.filter((part) => named.length === 0 || named.includes(part))) {
    const began = performance.now();
    const stamp = stampOf(part);
    try {
      await publish(path.join(DIST, part), BUILDERS[part]);
    } catch (error) {
      // A fault in the sources has been shown with its place by the bundler.
      const shown = error instanceof Error && "errors" in error;
      console.error(shown ? `${part} was not built` : error);
      process.exit(1);
    }
    writeStamp(part, stamp);
    console.log(`built ${part} in ${Math.round(performance.now() - began)} ms`);
  }
});
// What Node compiled from the builds before.
rmSync(path.join(DIST, ".compiled"), { recursive: true, force: true });
// wrangler, once imported, keeps handles open.
process.exit(0);
