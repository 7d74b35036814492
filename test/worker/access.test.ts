/**
 * Every operation, called by everybody: each is held to the table beside its route. Whose it is succeeds first, so that
 * nothing else masks a refusal; and once more after all who are refused, so that none of them changed anything.
 */
import { describe, expect, test } from "vitest";
import { app } from "../../workers/application.ts";
import { type Answer, admissionTables, CALLERS, type Caller, NOBODY } from "../../workers/core/admits.ts";
import { faceOf } from "../../workers/core/faces.ts";
import { admissionsOf } from "../../workers/core/operation.ts";
import { bearerOf } from "./access-callers.ts";
import type { Case } from "./access-case.ts";
import { addressOf, CASES, newScene, OPERATIONS, type Operation, type Scene } from "./access-scene.ts";
import { call, newAddress, newUser } from "./client.ts";

const ROWS = OPERATIONS.flatMap((operation) => {
  const admission = admissionsOf(app).get(operation.id);
  if (!admission) return [];
  return admissionTables(admission).map(([kind, table]) => ({
    name: `${operation.method} ${operation.path}${kind && `, ${kind}`}`,
    operation,
    kind,
    table,
  }));
});

const statusOf = (status: number) => (status < 400 ? "ok" : status);

async function answerTo(caller: Caller, operation: Operation, { send }: Case, scene: Scene) {
  const { method, path, statuses } = operation;
  const { headers = {}, body } = scene.asked;
  const token = await bearerOf(caller, scene.owner, faceOf(path));
  const address = { "cf-connecting-ip": newAddress() };
  if (send)
    return statusOf(await send({ ...address, ...(token !== undefined && { authorization: `Bearer ${token}` }) }));
  const reply = await call(method, addressOf(operation, scene.asked), {
    ...(token !== undefined && { token }),
    headers: { ...address, ...headers },
    body,
  });
  expect(statuses, `${caller} got what is not documented: ${reply.text}`).toContain(String(reply.status));
  return statusOf(reply.status);
}

test.each(ROWS)("$name", async ({ operation, kind, table }) => {
  const { id } = operation;
  const found = CASES[id] ?? expect.fail(`${id} has no case in access-cases-*.ts`);
  const scene = () => newScene(found, kind);
  const answers: Partial<Record<Caller, number | string>> = {};

  expect(await answerTo("owner", operation, found, await scene()), "whose it is").toBe("ok");
  const kept = await scene();
  for (const caller of CALLERS) {
    if (table[caller] !== "ok") answers[caller] = await answerTo(caller, operation, found, kept);
  }
  expect(await answerTo("owner", operation, found, kept), "whose it is, after all who were refused").toBe("ok");
  answers.owner = "ok";
  for (const caller of CALLERS) answers[caller] ??= await answerTo(caller, operation, found, await scene());

  expect(answers).toEqual(table);
});

test("every operation has a table", () => {
  expect(OPERATIONS.map(({ id }) => id).filter((id) => !admissionsOf(app).has(id))).toEqual([]);
});

test("every case is of an operation", () => {
  const ids = OPERATIONS.map(({ id }) => id);
  expect(Object.keys(CASES).filter((id) => !ids.includes(id))).toEqual([]);
});

/** What media workers and the launcher call has credentials of its own, and none of these. */
const KEY = btoa("k".repeat(32)).replace("=", "");
const INTERNAL: Record<string, unknown> = {
  "POST /internal/bootstrap": { admin_username: "ada", demo: false, enrol: false },
  "POST /internal/media/enrol": { token: "x".repeat(43), name: "test", public_key: KEY },
  "GET /internal/media/link": undefined,
  "POST /internal/media/reports": { reports: [] },
  "POST /internal/media/recordings/open": {},
  "POST /internal/media/recordings/sign": {},
  "POST /internal/media/recordings/progress": {},
  "POST /internal/media/recordings/complete": {},
};
const ROUTED = new Set(
  app.routes.filter(({ path }) => path.startsWith("/internal/")).map(({ method, path }) => `${method} ${path}`),
);

describe("internal", () => {
  test.each([...ROUTED])("%s", async (route) => {
    expect(INTERNAL).toHaveProperty([route]);
    const [method = "", path = ""] = route.split(" ");
    const owner = await newUser("superadmin");
    const answers: Partial<Record<Caller, Answer | number>> = {};
    for (const caller of CALLERS) {
      const token = await bearerOf(caller, owner, "portal");
      const { status } = await call(method, path, { ...(token !== undefined && { token }), body: INTERNAL[route] });
      answers[caller] = status;
    }
    expect(answers).toEqual(NOBODY);
  });
});
