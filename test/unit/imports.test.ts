/** Who may import what: the table of the house, over every source file. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = path.resolve(import.meta.dirname, "../..");

/** A part of the house. `workers/<noun>/` is one part for each noun. */
type Part =
  | "contract"
  | "kit"
  | "tables"
  | "core"
  | "noun"
  | "entry"
  | "objects"
  | "media-worker"
  | "web"
  | "scripts"
  | "free";

/** What each part may import besides itself. `noun` and `objects` have finer rules below. */
const ALLOWED: Record<Exclude<Part, "free">, Part[]> = {
  contract: [],
  kit: ["contract"],
  tables: ["contract"],
  core: ["contract", "kit", "tables"],
  noun: ["contract", "kit", "tables", "core", "noun", "objects"],
  entry: ["contract", "kit", "tables", "core", "noun", "entry", "objects"],
  objects: ["contract", "kit", "core", "noun", "objects"],
  "media-worker": ["contract", "kit"],
  web: ["contract", "kit"],
  scripts: ["contract", "kit"],
};

/** Parts that must run everywhere name the packages they may use. */
const PACKAGES: Partial<Record<Part, string[]>> = {
  contract: ["zod"],
  kit: ["jose", "ipaddr.js"],
  tables: ["drizzle-orm"],
};

const ALIASES: Record<string, string> = {
  "#contract/": "schema/contract/",
  "#kit/": "schema/kit/",
  "#tables/": "schema/tables/",
};

function partOf(file: string): Part {
  const [top = "", second = "", third] = file.split("/");
  if (top === "schema") {
    if (second === "contract" || second === "kit" || second === "tables") return second;
  }
  if (top === "workers") return third === undefined ? "entry" : second === "core" ? "core" : "noun";
  if (top === "durable-objects") return "objects";
  if (top === "media-worker" || top === "web" || top === "scripts") return top;
  return "free";
}

const nounOf = (file: string) => file.split("/")[1];

const IMPORT =
  /\bfrom\s*["']([^"'\n]+)["']|\bimport\s*["']([^"'\n]+)["']|\bimport\s*\(\s*["']([^"'\n]+)["']\s*\)|\bnew\s+URL\(\s*["'](\.[^"'\n]+)["']/g;

/** Everything that `source` imports, types included. Comments are left out. */
function importsOf(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  return [...code.matchAll(IMPORT)].map((match) => match.slice(1).find((group) => group !== undefined) ?? "");
}

/** A path in the repository, or undefined for a package. */
function resolve(file: string, specifier: string): string | undefined {
  if (specifier.startsWith(".")) return path.posix.join(path.posix.dirname(file), specifier);
  const alias = Object.keys(ALIASES).find((prefix) => specifier.startsWith(prefix));
  return alias && `${ALIASES[alias]}${specifier.slice(alias.length)}.ts`;
}

const packageOf = (specifier: string) =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");

/** Why `file` may not import `specifier`; undefined when it may. */
function fault(file: string, specifier: string): string | undefined {
  const from = partOf(file);
  if (from === "free") return undefined;
  const target = resolve(file, specifier);
  if (target === undefined) {
    if (specifier.startsWith("#")) return "is no alias of package.json";
    const packages = PACKAGES[from];
    if (packages === undefined || packages.includes(packageOf(specifier))) return undefined;
    return `is a package; ${from} may import ${packages.join(" and ")} only`;
  }
  const to = partOf(target);
  const sameNoun = from === "noun" && to === "noun" && nounOf(file) === nounOf(target);
  if (sameNoun || (from === to && from !== "noun")) return undefined;
  if (!ALLOWED[from].includes(to))
    return `is in ${to === "free" ? path.dirname(target) : to}, which ${from} may not import`;
  if (to === "noun" && from !== "entry" && path.basename(target) === "routes.ts") {
    return "is another noun's routes.ts: import its verbs";
  }
  if (to === "objects" && file !== "workers/index.ts" && from !== "objects" && target !== "durable-objects/stubs.ts") {
    return "is an object's class: reach it through durable-objects/stubs.ts";
  }
  return undefined;
}

const faultsOf = (file: string, source: string): string[] =>
  importsOf(source).flatMap((specifier) => {
    const why = fault(file, specifier);
    return why === undefined ? [] : [`${file}: "${specifier}" ${why}`];
  });

/** What is tracked, or would be. */
const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
  cwd: ROOT,
  encoding: "utf8",
})
  .split("\n")
  .filter((file) => file !== "" && existsSync(path.join(ROOT, file)));
const read = (file: string) => readFileSync(path.join(ROOT, file), "utf8");
const sources = files.filter((file) => /\.(ts|tsx|mjs)$/.test(file) && !file.endsWith(".d.ts"));

describe("the import table", () => {
  test("every source file keeps to it", () => {
    expect(sources.length).toBeGreaterThan(20);
    expect(sources.flatMap((file) => faultsOf(file, read(file)))).toEqual([]);
  });

  test.each([
    ["schema/contract/a.ts", 'import { x } from "#kit/x";', "is in kit, which contract may not import"],
    ["schema/contract/a.ts", 'import { x } from "jose";', "is a package; contract may import zod only"],
    ["schema/kit/a.ts", 'import { x } from "node:fs";', "is a package; kit may import jose and ipaddr.js only"],
    ["schema/kit/a.ts", 'import type { X } from "../tables/x.ts";', "is in tables, which kit may not import"],
    ["workers/core/a.ts", 'import { x } from "../chat/x.ts";', "is in noun, which core may not import"],
    [
      "workers/core/a.ts",
      'import { x } from "../../durable-objects/stubs.ts";',
      "is in objects, which core may not import",
    ],
    ["workers/chat/a.ts", 'import { x } from "../vods/routes.ts";', "is another noun's routes.ts: import its verbs"],
    [
      "workers/chat/a.ts",
      'const x = await import("../../durable-objects/chat.ts");',
      "is an object's class: reach it through durable-objects/stubs.ts",
    ],
    [
      "workers/application.ts",
      'export { X } from "../durable-objects/chat.ts";',
      "is an object's class: reach it through durable-objects/stubs.ts",
    ],
    [
      "workers/chat/a.ts",
      'import { x } from "../../media-worker/x.ts";',
      "is in media-worker, which noun may not import",
    ],
    ["durable-objects/a.ts", 'import { x } from "#tables/x";', "is in tables, which objects may not import"],
    [
      "durable-objects/a.ts",
      'import { x } from "../workers/chat/routes.ts";',
      "is another noun's routes.ts: import its verbs",
    ],
    [
      "media-worker/a.ts",
      'import { x } from "../workers/core/env.ts";',
      "is in core, which media-worker may not import",
    ],
    ["media-worker/a.ts", 'type X = import("#tables/x").X;', "is in tables, which media-worker may not import"],
    ["web/a.tsx", 'import "../media-worker/x.ts";', "is in media-worker, which web may not import"],
    ["web/a.tsx", 'import { x } from "../test/harness/x.ts";', "is in test/harness, which web may not import"],
    ["web/a.tsx", 'import { x } from "#tabels/x";', "is no alias of package.json"],
  ])("%s may not say %s", (file, source, why) => {
    expect(faultsOf(file, source)).toEqual([expect.stringContaining(why)]);
  });

  test.each([
    ["schema/kit/a.ts", 'import type { X } from "#contract/x";\nimport { y } from "jose";'],
    ["workers/chat/a.ts", 'import { x } from "./routes.ts";\nimport { y } from "../vods/list.ts";'],
    ["workers/chat/a.ts", 'import { x } from "../../durable-objects/stubs.ts";'],
    ["workers/index.ts", 'export { X } from "../durable-objects/chat.ts";'],
    ["durable-objects/a.ts", 'import { x } from "./b.ts";\nimport { y } from "../workers/chat/close.ts";'],
    ["web/a.tsx", '// import { x } from "../workers/core/env.ts";\nimport { y } from "react";'],
    ["test/worker/a.test.ts", 'import { X } from "../../durable-objects/chat.ts";'],
  ])("%s may say %s", (file, source) => {
    expect(faultsOf(file, source)).toEqual([]);
  });
});

test("no file holds a path of one machine", () => {
  const path = /(?<![\w.~/-])\/(?:(?:home|Users)\/[\w.-]+\/|(?:root|work)\/)[\w.-]/;
  const text = files.filter((file) =>
    /\.(ts|tsx|mjs|js|json|toml|md|html|css|sh|sql|ya?ml)$|run$|Dockerfile$/.test(file),
  );
  expect("see /home/kim/sluice").toMatch(path);
  const self = "test/unit/imports.test.ts";
  expect(text.filter((file) => file !== self && path.test(read(file)))).toEqual([]);
});
