/** What a schema without words of its own refuses is told in words. */
import { expect, test } from "vitest";
import { z } from "zod";
import { refuseInvalid } from "../../workers/core/parameter-check.ts";

const FIELDS = z.object({
  count: z.int().min(1).max(500).optional(),
  name: z.string().min(3).max(5).optional(),
  list: z.array(z.string()).max(1).optional(),
  kind: z.enum(["a", "b"]).optional(),
});

test.each([
  [{ count: 0 }, "count must be at least 1"],
  [{ count: 501 }, "count must be at most 500"],
  [{ name: "ab" }, "name must be at least 3 characters"],
  [{ name: "abcdef" }, "name must be at most 5 characters"],
  [{ list: ["a", "b"] }, "list must be at most 1 items"],
  [{ name: 1 }, "name must be of type string"],
  [{ kind: "c" }, "kind must be one of a, b"],
])("%j: %s", (value, message) => {
  expect(() => refuseInvalid(FIELDS.safeParse(value))).toThrow(message);
});
