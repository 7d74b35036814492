/** What the access matrix calls: every operation that is documented, in a scene in which it succeeds. */
import { expect } from "vitest";
import { z } from "zod";
import type { UserRole } from "../../schema/contract/identity.ts";
import { app } from "../../workers/application.ts";
import { admissionTables } from "../../workers/core/admits.ts";
import { admissionsOf } from "../../workers/core/operation.ts";
import type { Person } from "./access-callers.ts";
import type { Asked, Case, Cases } from "./access-case.ts";
import { APPS_CASES } from "./access-cases-apps.ts";
import { ADMIN_CASES, CHAT_CASES } from "./access-cases-chat.ts";
import { IDENTITY_CASES } from "./access-cases-identity.ts";
import { KEY_CASES } from "./access-cases-keys.ts";
import { MEDIA_CASES } from "./access-cases-media.ts";
import { TWO_FACTOR_CASES } from "./access-cases-two-factor.ts";
import { call, newUser } from "./client.ts";

export const CASES: Cases = {
  ...IDENTITY_CASES,
  ...KEY_CASES,
  ...TWO_FACTOR_CASES,
  ...APPS_CASES,
  ...MEDIA_CASES,
  ...CHAT_CASES,
  ...ADMIN_CASES,
};

const Documented = z.looseObject({
  operationId: z.string(),
  responses: z.record(z.string(), z.unknown()),
  security: z.array(z.record(z.string(), z.unknown())),
});
const Document = z.looseObject({ paths: z.record(z.string(), z.record(z.string(), Documented)) });

const { paths } = Document.parse((await call("GET", "/openapi.json")).body);
export const OPERATIONS = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, { operationId, responses, security }]) => ({
    id: operationId,
    method: method.toUpperCase(),
    path,
    statuses: Object.keys(responses),
    /** Its credentials, by the names of their schemes. */
    security: security.flatMap(Object.keys),
  })),
);
export type Operation = (typeof OPERATIONS)[number];

export type Scene = { owner: Person; asked: Asked };

export async function newScene({ owner = "user", make }: Case, kind: string): Promise<Scene> {
  const role: UserRole = typeof owner === "string" ? owner : (owner[kind] ?? "user");
  const person = await newUser(role);
  return { owner: person, asked: (await make?.(person, kind)) ?? {} };
}

/** Of the first kind, where it depends on that. */
export function anyScene({ id }: Operation): Promise<Scene> {
  const admission = admissionsOf(app).get(id);
  const [[kind = ""] = []] = admission ? admissionTables(admission) : [];
  return newScene(CASES[id] ?? expect.fail(`${id} has no case in access-cases-*.ts`), kind);
}

/** The operation's address in a scene. */
export function addressOf({ id, path }: Operation, { params = {}, query = {} }: Asked): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name) => String(params[name] ?? expect.fail(`${id} needs ${name}`)));
  return new URLSearchParams(query).size > 0 ? `${filled}?${new URLSearchParams(query)}` : filled;
}
