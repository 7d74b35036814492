/** The pages, by Vite. */
import path from "node:path";
import { ROOT } from "../freshness.mjs";

/** @param {string} out */
export async function buildWeb(out) {
  const { build } = await import("vite");
  const configFile = path.join(ROOT, "vite.config.ts");
  await build({ configFile, logLevel: "warn", build: { outDir: out, emptyOutDir: true } });
}
