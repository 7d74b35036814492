import {
  AppsConfig,
  AppsLogin,
  AppsMe,
  AppsSignup,
  AppsToken,
  enveloped,
  inBothForms,
  MagicLinkReply,
  MagicLinkRequest,
  MagicLinkVerify,
} from "#contract/apps-identity";
import { ACCOUNTS, EVERYBODY } from "../core/admits.ts";
import type { App } from "../core/app-env.ts";
import { operation } from "../core/operation.ts";
import { logInToApps } from "./apps-log-in.ts";
import { appsMe } from "./apps-me.ts";
import { body, bothForms, envelope, json } from "./apps-reply.ts";
import { signUp } from "./apps-sign-up.ts";
import { requestMagicLink } from "./magic-link.ts";
import { verifyMagicLink } from "./magic-verify.ts";

const tags = ["identity"];

/** The apps face's ways in, and who got in. */
export function appsAuthRoutes(app: App): void {
  operation(
    app,
    {
      method: "get",
      path: "/api/v1/auth/config",
      operationId: "getAppsConfig",
      tags,
      summary: "Whether people may sign up",
      access: "none",
      admits: EVERYBODY,
      limit: "general",
      errors: [],
      responses: { 200: { description: "What is allowed", ...json(inBothForms(AppsConfig)) } },
    },
    (c) => c.json(bothForms({ allowSignup: c.var.ctx.settings.allowSignup }), 200),
  );

  operation(
    app,
    {
      method: "post",
      path: "/api/v1/auth/signup",
      operationId: "appsSignUp",
      tags,
      summary: "Make an account without an invite, where the operator allows it, and sign in",
      description:
        "The account's name is made of the address. From one client address one account is made in 24 hours. `teamName` is kept nowhere: there are no teams yet.",
      access: "none",
      admits: EVERYBODY,
      limit: "auth",
      errors: ["signup_disabled"],
      request: body(AppsSignup),
      responses: { 201: { description: "A token for 12 hours, shown once", ...json(inBothForms(AppsToken)) } },
    },
    async (c) => c.json(bothForms(await signUp(c.var.ctx, c.req.valid("json"))), 201),
  );

  operation(
    app,
    {
      method: "post",
      path: "/api/v1/auth/login",
      operationId: "appsLogIn",
      tags,
      summary: "Sign in by name or e-mail address and get a token for 12 hours",
      description: "The `message` of a 401 is `totp_required` or `totp_invalid` where a code is what is wrong.",
      access: "none",
      admits: EVERYBODY,
      limit: "auth",
      errors: ["bad_credentials", "totp_required", "totp_invalid"],
      request: body(AppsLogin),
      responses: { 200: { description: "The token, shown once", ...json(inBothForms(AppsToken)) } },
    },
    async (c) => c.json(bothForms(await logInToApps(c.var.ctx, c.req.valid("json"))), 200),
  );

  operation(
    app,
    {
      method: "post",
      path: "/api/v1/auth/magic-link",
      operationId: "requestMagicLink",
      tags,
      summary: "Have a link mailed that signs in, once, within 15 minutes",
      description:
        "The reply is the same whether there is such an account or not. For each address once a minute, and three times in 15 minutes; for each client ten times. A 429 says `retryAfterSeconds`.",
      access: "none",
      admits: EVERYBODY,
      limit: "auth",
      errors: ["rate_limited"],
      request: body(MagicLinkRequest),
      responses: { 200: { description: "What happens next", ...json(enveloped(MagicLinkReply)) } },
    },
    async (c) => c.json(envelope(await requestMagicLink(c.var.ctx, c.req.valid("json"))), 200),
  );

  operation(
    app,
    {
      method: "post",
      path: "/api/v1/auth/magic/verify",
      operationId: "verifyMagicLink",
      tags,
      summary: "Sign in by the token of a mailed link and get a token for 12 hours",
      description: "Where a code is needed too, the link stays good until the code is right.",
      access: "none",
      admits: EVERYBODY,
      limit: "auth",
      errors: ["bad_credentials", "totp_required", "totp_invalid"],
      request: body(MagicLinkVerify),
      responses: { 200: { description: "The token, shown once", ...json(inBothForms(AppsToken)) } },
    },
    async (c) => c.json(bothForms(await verifyMagicLink(c.var.ctx, c.req.valid("json"))), 200),
  );

  operation(
    app,
    {
      method: "get",
      path: "/api/v1/auth/me",
      operationId: "getAppsMe",
      tags,
      summary: "The account or the token behind the credential",
      access: "user",
      admits: ACCOUNTS,
      errors: [],
      responses: { 200: { description: "Who asks", ...json(AppsMe) } },
    },
    async (c) => c.json(await appsMe(c.var.ctx), 200),
  );
}
