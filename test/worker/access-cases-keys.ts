/** The access matrix's calls of the keys that people make. */
import type { Person } from "./access-callers.ts";
import { type Cases, fresh } from "./access-case.ts";
import { call } from "./client.ts";

async function made(path: string, { token }: Person) {
  const { body } = await call("POST", path, { token, body: { name: fresh("key") } });
  return { params: { id: body.id } };
}

export const KEY_CASES: Cases = {
  listApiKeys: {},
  createApiKey: { make: () => ({ body: { name: fresh("key") } }) },
  revokeApiKey: { make: (owner) => made("/api/api-keys", owner) },
  deleteApiKey: { make: (owner) => made("/api/api-keys", owner) },
};
