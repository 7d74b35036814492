/** The router that remembers finds what Hono's own finds, the first time and again. */
import { expect, test } from "vitest";
import { RememberingRouter } from "../../workers/core/router.ts";

function routed() {
  const router = new RememberingRouter<string>();
  router.add("ALL", "*", "everything");
  router.add("GET", "/api/streams/public", "list");
  router.add("GET", "/api/streams/:id", "one");
  router.add("GET", "/api/stream/:key/hls/:path{.+}", "media");
  return router;
}

/** Handlers with their parameters, in either of the forms that Hono knows. */
function found(router: RememberingRouter<string>, path: string) {
  const [handlers, stash] = router.match("GET", path);
  return handlers.map(([handler, params]) => [
    handler,
    Object.fromEntries(
      Object.entries(params).map(([name, value]) => [name, typeof value === "number" ? stash?.[value] : value]),
    ),
  ]);
}

test.each([
  [
    "/api/streams/7",
    [
      ["everything", {}],
      ["one", { id: "7" }],
    ],
  ],
  [
    "/api/streams/public",
    [
      ["everything", {}],
      ["list", {}],
      ["one", { id: "public" }],
    ],
  ],
  ["/nothing", [["everything", {}]]],
  [
    `/api/stream/pub_x/hls/${"t".repeat(80)}/a.m4s`,
    [
      ["everything", {}],
      ["media", { key: "pub_x", path: `${"t".repeat(80)}/a.m4s` }],
    ],
  ],
])("%s", (path, expected) => {
  const router = routed();
  expect(found(router, path)).toEqual(expected);
  expect(found(router, path)).toEqual(expected);
});

test("thousands of paths are found, each as itself", () => {
  const router = routed();
  for (const round of [1, 2]) {
    for (let id = 0; id < 1500; id++)
      expect(found(router, `/api/streams/${id}`)[1], `${round}`).toEqual(["one", { id: `${id}` }]);
  }
});
