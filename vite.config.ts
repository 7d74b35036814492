/** Builds `web/` into `dist/web`: four pages and hashed assets. What it writes runs under `script-src 'self'`. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** A blocking script of a few lines, before the first paint: module scripts come too late for the colour scheme. */
function schemeScript(): Plugin {
  let building = false;
  return {
    name: "scheme-script",
    configResolved(config) {
      building = config.command === "build";
    },
    buildStart() {
      if (building)
        this.emitFile({ type: "asset", name: "scheme.js", source: readFileSync(at("web/app/scheme.js"), "utf8") });
    },
    transformIndexHtml: {
      order: "post",
      handler(_html, { path, bundle }) {
        if (!path.endsWith("/index.html")) return;
        const built = Object.values(bundle ?? {}).find(
          (file) => file.type === "asset" && file.names.includes("scheme.js"),
        );
        const src = built ? `/${built.fileName}` : "/app/scheme.js";
        return [{ tag: "script", attrs: { src }, injectTo: "head-prepend" }];
      },
    },
  };
}

export default defineConfig({
  root: at("web"),
  publicDir: at("web/public"),
  plugins: [react(), schemeScript()],
  build: {
    outDir: at("dist/web"),
    emptyOutDir: true,
    target: "es2022",
    // A `data:` font would be refused by the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 2000,
    rolldownOptions: {
      input: {
        app: at("web/index.html"),
        embed: at("web/embed.html"),
        "embed-vod": at("web/embed-vod.html"),
        docs: at("web/docs.html"),
      },
    },
  },
});
