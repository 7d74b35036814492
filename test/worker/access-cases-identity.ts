/** The access matrix's calls of accounts, sessions, invites and other people. */
import type { UserRole } from "../../schema/contract/identity.ts";
import { invite_codes } from "../../schema/tables/identity.ts";
import { type Person, session } from "./access-callers.ts";
import { type Cases, fresh } from "./access-case.ts";
import { db, newUser, PASSWORD } from "./client.ts";

const NEW_PASSWORD = "another battery staple";

async function invite(owner?: Person) {
  const code = `PORTAL-${crypto.randomUUID().slice(9, 23).toUpperCase()}`;
  const row = { code, type: "single_use", max_uses: 1, created_by: owner?.id ?? null, created_at: Date.now() } as const;
  return db.insert(invite_codes).values(row).returning().get();
}

/** Somebody whom the operation is about. */
const about = async (role: UserRole = "user") => ({ params: { id: (await newUser(role)).id } });

export const IDENTITY_CASES: Cases = {
  createToken: { make: ({ username }) => ({ body: { username, password: PASSWORD } }) },
  logIn: { make: ({ username }) => ({ body: { username, password: PASSWORD } }) },
  logOut: {},
  getMe: {},

  changePassword: { make: () => ({ body: { current_password: PASSWORD, new_password: NEW_PASSWORD } }) },
  changeStatus: { make: () => ({ body: { status: "busy" } }) },
  changeNickname: { make: () => ({ body: { nickname: "Ada L" } }) },
  changeAvatar: { make: () => ({ body: { color: "#3355AA" } }) },
  changeAnonymous: { make: () => ({ body: { anonymous: true } }) },
  listSessions: {},
  revokeSession: { make: async (owner) => ({ body: { token_id: (await session(owner, ["*"], 3_600_000)).id } }) },

  register: {
    make: async () => ({
      body: { username: fresh("newcomer"), password: PASSWORD, invite_code: (await invite()).code },
    }),
  },
  listInvites: { owner: "admin" },
  createInvite: { owner: "admin", make: () => ({ body: { type: "single_use" } }) },
  deactivateInvite: { owner: "admin", make: async (owner) => ({ params: { id: (await invite(owner)).id } }) },
  listRegistrations: { owner: "admin", make: async (owner) => ({ params: { id: (await invite(owner)).id } }) },

  listUsers: { owner: "admin" },
  createUser: {
    owner: { user: "admin", admin: "superadmin" },
    make: (_, role) => ({ body: { username: fresh("made"), password: PASSWORD, role } }),
  },
  changeRole: {
    owner: { user: "admin", moderator: "admin", admin: "superadmin" },
    make: async (_, role) => ({ ...(await about()), body: { role } }),
  },
  resetPassword: {
    owner: { user: "admin", admin: "superadmin" },
    make: async (_, role) => ({ ...(await about(role as UserRole)), body: { new_password: NEW_PASSWORD } }),
  },
  deleteUser: { owner: "superadmin", make: () => about() },
  searchUsers: { make: () => ({ query: { q: "ada" } }) },
  listBlocked: {},
  blockUser: { make: () => about() },
  unblockUser: { make: () => about() },
};
