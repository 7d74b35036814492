/** Bundles for Node: everything inside, so that they start fast and run without `node_modules`. */
import path from "node:path";
import { build } from "esbuild";
import { ROOT } from "../freshness.mjs";

/**
 * @param {Record<string, string>} entryPoints output name → source, relative to the repository
 * @param {string} outdir
 * @param {string[]} external packages that stay in `node_modules`
 */
export async function bundleForNode(entryPoints, outdir, external = []) {
  await build({
    entryPoints: Object.fromEntries(Object.entries(entryPoints).map(([name, file]) => [name, path.join(ROOT, file)])),
    outdir,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node22",
    chunkNames: "chunks/[name]-[hash]",
    external,
    // Packages in the older module format call `require`, which an ES module does not have.
    banner: { js: 'import { createRequire as __cr } from "node:module"; const require = __cr(import.meta.url);' },
    sourcemap: "linked",
    logLevel: "warning",
  });
}
