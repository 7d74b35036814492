/** The embed stands in other people's pages: what it costs them is a promise. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";

const ROOT = path.resolve(import.meta.dirname, "../..");
const BUDGET_BYTES = 200_000;

let out: string;
beforeAll(async () => {
  out = mkdtempSync(path.join(tmpdir(), "sluice-web-"));
  await build({ configFile: path.join(ROOT, "vite.config.ts"), logLevel: "silent", build: { outDir: out } });
}, 60_000);
afterAll(() => rmSync(out, { recursive: true, force: true }));

const read = (file: string) => readFileSync(path.join(out, file), "utf8");

/** Scripts and styles that `page` loads, through the imports of its scripts. */
function loadedBy(page: string): string[] {
  const seen = new Set<string>();
  const queue = [...read(page).matchAll(/(?:src|href)="\/(assets\/[^"]+\.(?:js|css))"/g)].map(([, file = ""]) => file);
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    if (!file.endsWith(".js")) continue;
    for (const [, name] of read(file).matchAll(/(?:from|import)\s*\(?\s*["'`]\.\/([^"'`]+\.js)["'`]/g)) {
      queue.push(`assets/${name}`);
    }
  }
  return [...seen];
}

test("the embed is under 200 KB gzipped in all", () => {
  const files = loadedBy("embed.html");
  expect(files.filter((file) => file.endsWith(".js")).length).toBeGreaterThan(1);
  const sizes = files.map((file) => [file, gzipSync(read(file)).length] as const);
  const total = sizes.reduce((sum, [, size]) => sum + size, gzipSync(read("embed.html")).length);
  expect(total, JSON.stringify(sizes)).toBeLessThan(BUDGET_BYTES);
});

test("the embed brings no framework", () => {
  for (const file of loadedBy("embed.html")) expect(read(file)).not.toContain("react.");
});

test.each(["index.html", "embed.html", "docs.html"])(
  "%s has no inline script and loads from its own origin only",
  (page) => {
    const html = read(page);
    for (const [, attributes = "", body = ""] of html.matchAll(/<script\b([^>]*)>([\s\S]*?)<\/script>/g)) {
      expect(attributes).toContain('src="/assets/');
      expect(body.trim()).toBe("");
    }
    expect(html).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
    expect(html).not.toMatch(/\son\w+=/);
  },
);
