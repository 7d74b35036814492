import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { repair } from "../../scripts/lock.mjs";

test("platform builds that the registry lacks are added where npm looks for them", () => {
  const packages: Parameters<typeof repair>[0] = {
    "": {},
    "node_modules/a": {
      version: "2.0.0",
      dev: true,
      optionalDependencies: { "@a/linux-x64": "2.0.0", "@a/darwin-arm64": "2.0.0" },
    },
    "node_modules/@a/linux-x64": { version: "2.0.0" },
    "node_modules/b/node_modules/a": { version: "1.0.0", optionalDependencies: { "@a/linux-x64": "1.0.0" } },
    "node_modules/c": { version: "1.0.0", optionalDependencies: { d: "^1.0.0" } },
  };
  expect(repair(packages)).toEqual([
    "node_modules/@a/darwin-arm64",
    "node_modules/b/node_modules/a/node_modules/@a/linux-x64",
  ]);
  expect(packages["node_modules/@a/darwin-arm64"]).toEqual({
    version: "2.0.0",
    dev: true,
    optional: true,
    cpu: ["arm64"],
    os: ["darwin"],
  });
  expect(repair(packages)).toEqual([]);
});

test("the lock file is complete and names no registry", () => {
  const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
  expect(Object.entries<{ resolved?: string }>(lock.packages).filter(([, entry]) => entry.resolved)).toEqual([]);
  expect(repair(lock.packages)).toEqual([]);
});
