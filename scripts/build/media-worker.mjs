/** The media worker: the supervisor and each process it starts is an entry of its own. */
import { existsSync } from "node:fs";
import path from "node:path";
import { ROOT } from "../freshness.mjs";
import { bundleForNode } from "./node-bundle.mjs";

/** @param {string} out */
export async function buildMediaWorker(out) {
  if (!existsSync(path.join(ROOT, "media-worker/main.ts"))) return;
  await bundleForNode({ main: "media-worker/main.ts" }, out);
}
