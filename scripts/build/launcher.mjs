/** What `npm start` becomes once everything is installed and built, and the commands beside it. */
import { bundleForNode } from "./node-bundle.mjs";

/** @param {string} out */
export async function buildLauncher(out) {
  const entries = {
    main: "scripts/launch/main.ts",
    bootstrap: "scripts/launch/bootstrap-remote.ts",
    "s3-check": "scripts/s3-check/main.ts",
  };
  await bundleForNode(entries, out, ["miniflare", "wrangler"]);
}
