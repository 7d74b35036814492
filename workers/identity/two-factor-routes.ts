import type { z } from "@hono/zod-openapi";
import {
  TwoFactorDisable,
  TwoFactorDisabled,
  TwoFactorEnabled,
  TwoFactorSetup,
  TwoFactorStatus,
  TwoFactorVerify,
} from "#contract/credentials";
import { ACCOUNTS, IN_PERSON } from "../core/admits.ts";
import type { App } from "../core/app-env.ts";
import { operation } from "../core/operation.ts";
import { disableTwoFactor } from "./disable-two-factor.ts";
import { enableTwoFactor } from "./enable-two-factor.ts";
import { setUpTwoFactor } from "./set-up-two-factor.ts";
import { twoFactorStatus } from "./two-factor-status.ts";

const json = <T extends z.ZodType>(schema: T) => ({ content: { "application/json": { schema } } });
const body = <T extends z.ZodType>(schema: T) => ({ body: { ...json(schema), required: true as const } });
const tags = ["identity"];

/** The second factor of one's own account. */
export function twoFactorRoutes(app: App): void {
  operation(
    app,
    {
      method: "get",
      path: "/api/user/2fa/status",
      operationId: "getTwoFactorStatus",
      tags,
      summary: "Whether two-factor authentication is on, and how many backup codes are left",
      access: "account",
      admits: ACCOUNTS,
      errors: ["forbidden"],
      responses: { 200: { description: "As it is", ...json(TwoFactorStatus) } },
    },
    async (c) => c.json(await twoFactorStatus(c.var.ctx), 200),
  );

  operation(
    app,
    {
      method: "post",
      path: "/api/user/2fa/setup",
      operationId: "setUpTwoFactor",
      tags,
      summary: "Get a secret for your authenticator app",
      description:
        "Nothing changes until a code of it is sent to `/api/user/2fa/verify`. Another call before that replaces it.",
      access: "user",
      admits: IN_PERSON,
      errors: ["invalid_request", "forbidden"],
      responses: { 200: { description: "The secret, shown once", ...json(TwoFactorSetup) } },
    },
    async (c) => c.json(await setUpTwoFactor(c.var.ctx), 200),
  );

  operation(
    app,
    {
      method: "post",
      path: "/api/user/2fa/verify",
      operationId: "enableTwoFactor",
      tags,
      summary: "Turn two-factor authentication on, by a first code",
      description:
        "Every login asks for a code from now on. Sessions that are open stay open: revoke those that should not.",
      access: "user",
      admits: IN_PERSON,
      limit: "auth",
      errors: ["forbidden"],
      request: body(TwoFactorVerify),
      responses: { 200: { description: "It is on; the backup codes, shown once", ...json(TwoFactorEnabled) } },
    },
    async (c) => c.json(await enableTwoFactor(c.var.ctx, c.req.valid("json").code), 200),
  );

  operation(
    app,
    {
      method: "post",
      path: "/api/user/2fa/disable",
      operationId: "disableTwoFactor",
      tags,
      summary: "Turn two-factor authentication off, by a code or the password",
      description:
        "A code of the app or a backup code; with both, the code decides. Backup codes are gone with it, and sessions stay open.",
      access: "user",
      admits: IN_PERSON,
      limit: "auth",
      errors: ["forbidden", "not_found", "totp_invalid", "bad_credentials"],
      request: body(TwoFactorDisable),
      responses: { 200: { description: "It is off", ...json(TwoFactorDisabled) } },
    },
    async (c) => {
      await disableTwoFactor(c.var.ctx, c.req.valid("json"));
      return c.json({ status: "disabled" as const, message: "Two-factor authentication is off" }, 200);
    },
  );
}
