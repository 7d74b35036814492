import { expect, test } from "vitest";
import { grants } from "../../schema/kit/scopes.ts";

test.each([
  [["*"], "anything:at:all", true],
  [["admin"], "admin", true],
  [["access:*"], "access:nas", true],
  [["access:*"], "access:nas:ro", false],
  [["access:*"], "access", false],
  [["access:*:ro"], "access:nas:ro", true],
  [["*:read"], "services:read", true],
  [["services:read"], "services:write", false],
  [["services:read", "access:*"], "access:x", true],
  [["services"], "services:read", false],
  [[], "services:read", false],
  [["a*"], "admin", false],
])("%j for %s: %s", (granted, wanted, expected) => {
  expect(grants(granted, wanted)).toBe(expected);
});
