import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { z } from "zod";
import { VERSION } from "../../schema/contract/version.ts";

test("the version that is stated is the package's", () => {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  expect(z.object({ version: z.string() }).parse(JSON.parse(text)).version).toBe(VERSION);
});
