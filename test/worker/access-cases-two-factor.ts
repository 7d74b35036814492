/** The access matrix's calls of the second factor, each of the caller's own account. */
import type { Cases } from "./access-case.ts";
import { codeOf } from "./authenticator.ts";
import { call, PASSWORD } from "./client.ts";

type Headers = Record<string, string>;

const disable = (headers: Headers) => call("POST", "/api/user/2fa/disable", { headers, body: { password: PASSWORD } });

/** Whoever may not set it up asks all the same. */
async function enable(headers: Headers) {
  const { body } = await call("POST", "/api/user/2fa/setup", { headers });
  const code = body.secret ? codeOf(body.secret) : "000000";
  return call("POST", "/api/user/2fa/verify", { headers, body: { code } });
}

export const TWO_FACTOR_CASES: Cases = {
  getTwoFactorStatus: {},
  setUpTwoFactor: {},
  enableTwoFactor: {
    send: async (headers) => {
      await disable(headers);
      return (await enable(headers)).status;
    },
  },
  disableTwoFactor: {
    send: async (headers) => {
      await enable(headers);
      return (await disable(headers)).status;
    },
  },
};
