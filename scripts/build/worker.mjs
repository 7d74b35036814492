/** The Worker: one bundle, its wasm, Miniflare's options frozen from `wrangler.toml`, and the migrations in statements. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { build } from "esbuild";
import { ROOT } from "../freshness.mjs";

const MIGRATIONS = path.join(ROOT, "schema/tables/migrations");

/**
 * @param {string} out
 * @param {string} entry that of a test takes the place of the real one
 */
export async function buildWorker(out, entry = "workers/index.ts") {
  // Before wrangler is imported: it must neither ask for updates nor report.
  process.env.WRANGLER_SEND_METRICS = "false";
  process.env.WRANGLER_HIDE_BANNER = "true";
  const wrangler = await import("wrangler");

  const config = wrangler.unstable_readConfig({ config: path.join(ROOT, "wrangler.toml") });
  await build({
    entryPoints: { index: path.join(ROOT, entry) },
    outdir: out,
    bundle: true,
    format: "esm",
    platform: "neutral",
    target: "es2024",
    mainFields: ["browser", "module", "main"],
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
    loader: { ".wasm": "copy" },
    assetNames: "[name]",
    sourcemap: "linked",
    logLevel: "warning",
  });

  const { workerOptions } = wrangler.unstable_getMiniflareWorkerOptions(config);
  const { rootPath: _, modulesRules: __, assets, ...options } = workerOptions;
  // The launcher runs from wherever the checkout is: keep no path of this machine.
  const assetOptions = { ...(assets ?? {}), directory: undefined };
  writeFileSync(path.join(out, "options.json"), JSON.stringify({ worker: options, assets: assetOptions }, null, 1));

  const names = existsSync(MIGRATIONS) ? readdirSync(MIGRATIONS).filter((name) => name.endsWith(".sql")) : [];
  const migrations = names.sort().map((name) => ({
    name,
    statements: wrangler.unstable_splitSqlQuery(readFileSync(path.join(MIGRATIONS, name), "utf8")),
  }));
  writeFileSync(path.join(out, "migrations.json"), JSON.stringify(migrations, null, 1));
}
