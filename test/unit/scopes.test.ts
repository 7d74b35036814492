import { expect, test } from "vitest";
import { grants, shared } from "../../schema/kit/scopes.ts";

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

test.each([
  [["*"], ["services:read", "access:*"], ["services:read", "access:*"]],
  [["*"], ["*"], ["*"]],
  [["access:nas", "admin"], ["services:read", "access:*"], ["access:nas"]],
  [["access:*"], ["access:nas", "access:*"], ["access:*", "access:nas"]],
  [["access:nas"], ["access:*:ro"], []],
  [["admin"], ["services:read"], []],
  [[], ["*"], []],
])("%j and %j share %j", (one, other, expected) => {
  expect(shared(one, other).sort()).toEqual(expected.sort());
  expect(shared(other, one).sort()).toEqual(expected.sort());
});
