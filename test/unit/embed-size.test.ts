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

const EMBEDS = ["embed.html", "embed-vod.html"];

test.each(EMBEDS)("%s is under 200 KB gzipped in all", (page) => {
  const files = loadedBy(page);
  expect(files.filter((file) => file.endsWith(".js")).length).toBeGreaterThan(1);
  const sizes = files.map((file) => [file, gzipSync(read(file)).length] as const);
  const total = sizes.reduce((sum, [, size]) => sum + size, gzipSync(read(page)).length);
  expect(total, JSON.stringify(sizes)).toBeLessThan(BUDGET_BYTES);
});

test.each(EMBEDS)("%s brings no framework", (page) => {
  for (const file of loadedBy(page)) expect(read(file)).not.toContain("react.");
});

test("the embed of live streams brings nothing of the player of recordings", () => {
  for (const file of loadedBy("embed.html")) expect(read(file)).not.toContain("sl-seek");
});

test.each(["index.html", ...EMBEDS, "docs.html"])(
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
