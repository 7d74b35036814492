/**
 * Every operation, called by everybody: each is held to the table beside its route. Whose it is succeeds first, so that
 * nothing else masks a refusal; and once more after all who are refused, so that none of them changed anything.
 */
import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { UserRole } from "../../schema/contract/identity.ts";
import { app } from "../../workers/application.ts";
import { type Answer, admissionTables, CALLERS, type Caller, NOBODY } from "../../workers/core/admits.ts";
import { faceOf } from "../../workers/core/faces.ts";
import { admissionsOf } from "../../workers/core/operation.ts";
import { bearerOf, type Person } from "./access-callers.ts";
import type { Asked, Case, Cases } from "./access-case.ts";
import { APPS_CASES } from "./access-cases-apps.ts";
import { ADMIN_CASES, CHAT_CASES } from "./access-cases-chat.ts";
import { IDENTITY_CASES } from "./access-cases-identity.ts";
import { KEY_CASES } from "./access-cases-keys.ts";
import { MEDIA_CASES } from "./access-cases-media.ts";
import { TWO_FACTOR_CASES } from "./access-cases-two-factor.ts";
import { call, newUser } from "./client.ts";

const CASES: Cases = {
  ...IDENTITY_CASES,
  ...KEY_CASES,
  ...TWO_FACTOR_CASES,
  ...APPS_CASES,
  ...MEDIA_CASES,
  ...CHAT_CASES,
  ...ADMIN_CASES,
};

const Operation = z.looseObject({ operationId: z.string(), responses: z.record(z.string(), z.unknown()) });
const Document = z.looseObject({ paths: z.record(z.string(), z.record(z.string(), Operation)) });

const { paths } = Document.parse((await call("GET", "/openapi.json")).body);
const OPERATIONS = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, { operationId, responses }]) => ({
    id: operationId,
    method: method.toUpperCase(),
    path,
    statuses: Object.keys(responses),
  })),
);
type Operation = (typeof OPERATIONS)[number];

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

/** Limits count addresses; here they would count the tests. */
let addresses = 0;
function newAddress(): string {
  addresses += 1;
  return `198.18.${addresses >> 8}.${addresses & 255}`;
}

const statusOf = (status: number) => (status < 400 ? "ok" : status);

type Scene = { owner: Person; asked: Asked };

async function newScene({ owner = "user", make }: Case, kind: string): Promise<Scene> {
  const role: UserRole = typeof owner === "string" ? owner : (owner[kind] ?? "user");
  const person = await newUser(role);
  return { owner: person, asked: (await make?.(person, kind)) ?? {} };
}

async function answerTo(caller: Caller, { id, method, path, statuses }: Operation, { send }: Case, scene: Scene) {
  const { params = {}, query = {}, headers = {}, body } = scene.asked;
  const token = await bearerOf(caller, scene.owner, faceOf(path));
  const address = { "cf-connecting-ip": newAddress() };
  if (send)
    return statusOf(await send({ ...address, ...(token !== undefined && { authorization: `Bearer ${token}` }) }));
  const filled = path.replace(/\{(\w+)\}/g, (_, name) => String(params[name] ?? expect.fail(`${id} needs ${name}`)));
  const search = new URLSearchParams(query).size > 0 ? `?${new URLSearchParams(query)}` : "";
  const reply = await call(method, `${filled}${search}`, {
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
