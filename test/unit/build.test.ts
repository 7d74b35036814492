import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { publish } from "../../scripts/build/publish.mjs";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "sluice-build-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (out: string, files: Record<string, string>) => {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(out, name)), { recursive: true });
    writeFileSync(path.join(out, name), text);
  }
};

test("a build takes the place of the one before, file by file", async () => {
  const target = path.join(folder, "part");
  await publish(target, async (out) => write(out, { "a.js": "1", "assets/old.js": "1" }));
  await publish(target, async (out) => write(out, { "a.js": "2", "assets/new.js": "2" }));
  expect(readFileSync(path.join(target, "a.js"), "utf8")).toBe("2");
  expect(readdirSync(path.join(target, "assets"))).toEqual(["new.js"]);
  expect(readdirSync(folder)).toEqual(["part"]);
});

test("a build that fails leaves the one before alone", async () => {
  const target = path.join(folder, "part");
  await publish(target, async (out) => write(out, { "a.js": "1" }));
  const failing = publish(target, async (out) => {
    write(out, { "a.js": "2" });
    throw new Error("no");
  });
  await expect(failing).rejects.toThrow("no");
  expect(readFileSync(path.join(target, "a.js"), "utf8")).toBe("1");
});
