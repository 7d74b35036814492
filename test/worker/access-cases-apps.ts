/** The access matrix's calls of accounts, sessions and tokens at the apps face, and of the recorder's login. */
import { hashKey } from "../../schema/kit/keys.ts";
import { magic_links } from "../../schema/tables/identity.ts";
import { type Person, session } from "./access-callers.ts";
import { type Cases, fresh } from "./access-case.ts";
import { codeOf, STEP_MS } from "./authenticator.ts";
import { call, db, PASSWORD } from "./client.ts";

const HOUR_MS = 3_600_000;
const emailOf = (name: string) => `${fresh(name)}@example.com`;

async function link({ id }: Person) {
  const token = crypto.randomUUID();
  const now = Date.now();
  await db
    .insert(magic_links)
    .values({ token_hash: await hashKey(token), user_id: id, created_at: now, expires_at: now + HOUR_MS });
  return { body: { token } };
}

const twoFactor = (path: string, headers: Record<string, string>, body?: object) =>
  call("POST", `/api/v1/account/2fa/${path}`, { headers, body });

/** A code of the caller's own second factor, set up just now, and turned on if so. Whoever may not asks all the same. */
async function codeFor(headers: Record<string, string>, enabled: boolean): Promise<{ code: string }> {
  const { secret } = (await twoFactor("setup", headers)).body;
  if (!secret) return { code: "000000" };
  if (!enabled) return { code: codeOf(secret) };
  await twoFactor("enable", headers, { code: codeOf(secret, -STEP_MS) });
  return { code: codeOf(secret) };
}

async function token({ token }: Person) {
  const { body } = await call("POST", "/api/v1/tokens", { token, body: { name: fresh("token"), scope: "global" } });
  return { params: { id: body.id } };
}

export const APPS_CASES: Cases = {
  recorderLogIn: { make: ({ username }) => ({ body: { username, password: PASSWORD } }) },
  recorderRefresh: {},

  getAppsConfig: {},
  appsSignUp: { make: () => ({ body: { email: emailOf("newcomer"), password: PASSWORD } }) },
  appsLogIn: { make: ({ username }) => ({ body: { user: username, password: PASSWORD } }) },
  requestMagicLink: { make: () => ({ body: { email: emailOf("anybody") } }) },
  verifyMagicLink: { make: link },
  // Only the tokens of owners count.
  getAppsMe: { owner: "admin" },

  getAppsAccount: { owner: "admin" },
  changeAppsAccount: { owner: "admin", make: () => ({ body: { name: "Ada L" } }) },
  changeAppsPassword: {
    owner: "admin",
    make: () => ({ body: { currentPassword: PASSWORD, newPassword: "another battery staple" } }),
  },
  setUpAppsTwoFactor: { owner: "admin" },
  enableAppsTwoFactor: {
    owner: "admin",
    send: async (headers) => {
      const { status, body } = await twoFactor("enable", headers, await codeFor(headers, false));
      // Off again, for the next one to turn it on.
      if (body?.data) await twoFactor("disable", headers, { code: body.data.backupCodes[0] });
      return status;
    },
  },
  disableAppsTwoFactor: {
    owner: "admin",
    send: async (headers) => (await twoFactor("disable", headers, await codeFor(headers, true))).status,
  },
  listAppsSessions: { owner: "admin" },
  revokeOtherAppsSessions: { owner: "admin" },
  revokeAppsSession: {
    owner: "admin",
    make: async (owner) => ({ params: { id: (await session(owner, ["*"], HOUR_MS)).id } }),
  },

  listAppTokens: { owner: "admin" },
  createAppToken: { owner: "admin", make: () => ({ body: { name: fresh("token"), scope: "global" } }) },
  revokeAppToken: { owner: "admin", make: token },
};
