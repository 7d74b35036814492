import { z } from "@hono/zod-openapi";
import { renderSVG } from "uqr";
import {
  AppsAccount,
  AppsAccountChange,
  AppsCode,
  AppsPasswordChange,
  AppsRevoked,
  AppsSession,
  AppsTwoFactorDisabled,
  AppsTwoFactorEnabled,
  AppsTwoFactorSetup,
  enveloped,
  inBothForms,
} from "#contract/apps-identity";
import { Told } from "#contract/identity";
import { IN_PERSON, OWNER_IN_PERSON } from "../core/admits.ts";
import type { App } from "../core/app-env.ts";
import { settingsTag } from "../core/conditional.ts";
import { operation } from "../core/operation.ts";
import { appsAccount, changeAppsAccount, settingsOf } from "./apps-account.ts";
import { body, bothForms, envelope, json } from "./apps-reply.ts";
import { listAppsSessions, revokeAppsSession, revokeOtherSessions } from "./apps-sessions.ts";
import { changePassword } from "./change-password.ts";
import { disableTwoFactor } from "./disable-two-factor.ts";
import { enableTwoFactor } from "./enable-two-factor.ts";
import { setUpTwoFactor } from "./set-up-two-factor.ts";

const tags = ["identity"];
const WithSession = z.object({ id: z.string().min(1).max(64).meta({ description: "The session's id" }) });

/** One's own account and its sessions at the apps face: for people, not for tokens. */
export function appsAccountRoutes(app: App): void {
  operation(
    app,
    {
      method: "get",
      path: "/api/v1/account",
      operationId: "getAppsAccount",
      tags,
      summary: "Your account and the tenant it is in",
      access: "user",
      admits: IN_PERSON,
      etag: true,
      errors: ["forbidden"],
      responses: { 200: { description: "The account", ...json(enveloped(AppsAccount)) } },
    },
    async (c) => {
      const account = await appsAccount(c.var.ctx);
      return c.json(envelope(account), 200, { ETag: await settingsTag(settingsOf(account)) });
    },
  );

  operation(
    app,
    {
      method: "patch",
      path: "/api/v1/account",
      operationId: "changeAppsAccount",
      tags,
      summary: "Change your name or your e-mail address",
      access: "user",
      admits: IN_PERSON,
      ifMatch: true,
      errors: ["forbidden"],
      request: body(AppsAccountChange),
      responses: { 200: { description: "The account as it is now", ...json(enveloped(AppsAccount)) } },
    },
    async (c) => {
      const account = await changeAppsAccount(c.var.ctx, c.req.valid("json"), c.req.header("if-match"));
      return c.json(envelope(account), 200);
    },
  );

  operation(
    app,
    {
      method: "post",
      path: "/api/v1/account/password",
      operationId: "changeAppsPassword",
      tags,
      summary: "Change your password; all your other sessions end",
      access: "user",
      admits: IN_PERSON,
      errors: ["forbidden", "bad_credentials", "not_found", "conflict", "rate_limited"],
      request: body(AppsPasswordChange),
      responses: { 200: { description: "It is changed", ...json(enveloped(Told)) } },
    },
    async (c) => {
      const { currentPassword, newPassword } = c.req.valid("json");
      await changePassword(c.var.ctx, { current_password: currentPassword, new_password: newPassword });
      return c.json(envelope({ message: "The password is changed, and all other sessions ended" }), 200);
    },
  );

  operation(
    app,
    {
      method: "post",
      path: "/api/v1/account/2fa/setup",
      operationId: "setUpAppsTwoFactor",
      tags,
      summary: "Get a secret for an authenticator app; it counts once it is enabled",
      access: "user",
      admits: IN_PERSON,
      errors: ["forbidden", "invalid_request"],
      responses: { 200: { description: "The secret, shown once", ...json(inBothForms(AppsTwoFactorSetup)) } },
    },
    async (c) => {
      const { secret, uri } = await setUpTwoFactor(c.var.ctx);
      const qrDataUri = `data:image/svg+xml,${encodeURIComponent(renderSVG(uri))}`;
      return c.json(bothForms({ secret, otpauthUri: uri, qrDataUri }), 200);
    },
  );

  operation(
    app,
    {
      method: "post",
      path: "/api/v1/account/2fa/enable",
      operationId: "enableAppsTwoFactor",
      tags,
      summary: "Turn the second factor on by a first code; every login asks for one from now on",
      access: "user",
      admits: IN_PERSON,
      errors: ["forbidden"],
      request: body(AppsCode),
      responses: { 200: { description: "It is on", ...json(enveloped(AppsTwoFactorEnabled)) } },
    },
    async (c) => {
      const { backup_codes } = await enableTwoFactor(c.var.ctx, c.req.valid("json").code);
      return c.json(envelope({ enabled: true as const, backupCodes: backup_codes }), 200);
    },
  );

  operation(
    app,
    {
      method: "post",
      path: "/api/v1/account/2fa/disable",
      operationId: "disableAppsTwoFactor",
      tags,
      summary: "Turn the second factor off by a code of it",
      access: "user",
      admits: IN_PERSON,
      errors: ["forbidden", "totp_invalid", "not_found", "rate_limited"],
      request: body(AppsCode),
      responses: { 200: { description: "It is off", ...json(enveloped(AppsTwoFactorDisabled)) } },
    },
    async (c) => {
      await disableTwoFactor(c.var.ctx, { code: c.req.valid("json").code });
      return c.json(envelope({ enabled: false as const }), 200);
    },
  );

  operation(
    app,
    {
      method: "get",
      path: "/api/v1/auth/sessions",
      operationId: "listAppsSessions",
      tags,
      summary: "Where you are signed in, newest first",
      access: "user",
      admits: IN_PERSON,
      errors: ["forbidden"],
      responses: { 200: { description: "The sessions", ...json(enveloped(z.array(AppsSession))) } },
    },
    async (c) => c.json(envelope(await listAppsSessions(c.var.ctx)), 200),
  );

  operation(
    app,
    {
      method: "delete",
      path: "/api/v1/auth/sessions",
      operationId: "revokeOtherAppsSessions",
      tags,
      summary: "Sign out everywhere else; their sockets are closed",
      access: "user",
      admits: IN_PERSON,
      errors: ["forbidden"],
      responses: { 200: { description: "How many ended", ...json(enveloped(AppsRevoked)) } },
    },
    async (c) => c.json(envelope(await revokeOtherSessions(c.var.ctx)), 200),
  );

  operation(
    app,
    {
      method: "delete",
      path: "/api/v1/auth/sessions/{id}",
      operationId: "revokeAppsSession",
      tags,
      summary: "Sign out one of your sessions; its sockets are closed",
      access: "user",
      admits: OWNER_IN_PERSON,
      errors: ["forbidden", "not_found"],
      request: { params: WithSession },
      responses: { 200: { description: "One, or none if it was revoked before", ...json(enveloped(AppsRevoked)) } },
    },
    async (c) => c.json(envelope(await revokeAppsSession(c.var.ctx, c.req.valid("param").id)), 200),
  );
}
