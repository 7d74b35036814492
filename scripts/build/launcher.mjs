/** What `npm start` becomes once everything is installed and built. */
import { bundleForNode } from "./node-bundle.mjs";

/** @param {string} out */
export async function buildLauncher(out) {
  const entries = { main: "scripts/launch/main.ts", bootstrap: "scripts/launch/bootstrap-remote.ts" };
  await bundleForNode(entries, out, ["miniflare"]);
}
