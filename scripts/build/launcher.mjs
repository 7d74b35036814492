/** What `npm start` becomes once everything is installed and built. */
import { bundleForNode } from "./node-bundle.mjs";

/** @param {string} out */
export async function buildLauncher(out) {
  await bundleForNode({ main: "scripts/launch/main.ts" }, out, ["miniflare"]);
}
