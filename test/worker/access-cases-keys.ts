/** The access matrix's calls of the keys that people make. */
import type { Person } from "./access-callers.ts";
import { type Cases, fresh } from "./access-case.ts";
import { call, newUser } from "./client.ts";

async function made(path: string, { token }: Person) {
  const { body } = await call("POST", path, { token, body: { name: fresh("key") } });
  return { params: { id: body.id } };
}

export const KEY_CASES: Cases = {
  listApiKeys: {},
  createApiKey: { make: () => ({ body: { name: fresh("key") } }) },
  revokeApiKey: { make: (owner) => made("/api/api-keys", owner) },
  deleteApiKey: { make: (owner) => made("/api/api-keys", owner) },

  listSshKeys: {},
  createSshKey: { make: () => ({ body: { name: fresh("key") } }) },
  getAuthorizedKeys: {
    owner: { "of somebody else": "admin" },
    make: async (_, kind) => (kind === "own" ? {} : { query: { user_id: String((await newUser()).id) } }),
  },
  listAllSshKeys: { owner: "admin" },
  getSshKey: { make: (owner) => made("/api/ssh-keys", owner) },
  deleteSshKey: { make: (owner) => made("/api/ssh-keys", owner) },
};
