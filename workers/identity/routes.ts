import type { z } from "@hono/zod-openapi";
import { deleteCookie, setCookie } from "hono/cookie";
import { ERRORS } from "#contract/errors";
import { LoginReply, LoginRequest, Me, TokenReply, TokenRequest } from "#contract/identity";
import { ACCOUNTS, EVERYBODY } from "../core/admits.ts";
import type { App } from "../core/app-env.ts";
import { SESSION_COOKIE } from "../core/authenticate.ts";
import { isCrossOrigin, isHttps } from "../core/client.ts";
import { ApiError } from "../core/errors.ts";
import { operation } from "../core/operation.ts";
import { createToken, logIn } from "./log-in.ts";
import { me } from "./me.ts";
import { closeSession } from "./sessions.ts";

const json = <T extends z.ZodType>(schema: T) => ({ content: { "application/json": { schema } } });

export function identityRoutes(app: App): void {
  operation(
    app,
    {
      method: "post",
      path: "/api/token",
      operationId: "createToken",
      tags: ["identity"],
      summary: "Sign in and get a token",
      description:
        "An account with two-factor authentication needs `totp_code`: without one it is 401 `totp_required`.",
      access: "none",
      admits: EVERYBODY,
      limit: "auth",
      errors: ["bad_credentials", "totp_required", "totp_invalid"],
      request: { body: { ...json(TokenRequest), required: true } },
      responses: { 200: { description: "The token, shown once", ...json(TokenReply) } },
    },
    async (c) => c.json(await createToken(c.var.ctx, c.req.valid("json")), 200),
  );

  operation(
    app,
    {
      method: "post",
      path: "/login",
      operationId: "logIn",
      tags: ["identity"],
      summary: "Sign in with a cookie",
      description:
        "JSON gets JSON; a form is sent on to `/dashboard`. The cookie is the web application's session. An account with two-factor authentication needs `totp_code`: without one JSON gets `2fa_required` and no cookie, and a form is sent back to `/login`.",
      access: "login",
      admits: EVERYBODY,
      limit: "auth",
      errors: ["bad_credentials", "totp_invalid"],
      request: {
        body: {
          content: {
            "application/json": { schema: LoginRequest },
            "application/x-www-form-urlencoded": { schema: LoginRequest },
          },
        },
      },
      responses: {
        200: { description: "Signed in, or a code is needed", ...json(LoginReply) },
        302: { description: "A form: signed in, or back to `/login?two_factor=required`" },
      },
    },
    async (c) => {
      const isForm = c.req.header("content-type")?.startsWith("application/x-www-form-urlencoded") ?? false;
      const opened = await logIn(c.var.ctx, c.req.valid(isForm ? "form" : "json"));
      if (!opened) {
        if (isForm) return c.redirect("/login?two_factor=required", 302);
        return c.json({ status: "2fa_required" as const, message: ERRORS.totp_required.message }, 200);
      }
      const { user, token, max_age_s } = opened;
      setCookie(c, SESSION_COOKIE, token, {
        httpOnly: true,
        sameSite: "Lax",
        secure: isHttps(c.req.raw, c.var.ctx.settings),
        path: "/",
        maxAge: max_age_s,
      });
      if (isForm) return c.redirect("/dashboard", 302);
      return c.json({ status: "logged_in" as const, user_id: user.id, username: user.username }, 200);
    },
  );

  operation(
    app,
    {
      method: "get",
      path: "/logout",
      operationId: "logOut",
      tags: ["identity"],
      summary: "Sign out: the session is revoked and the cookie cleared",
      access: "optional",
      admits: EVERYBODY,
      errors: ["cross_origin"],
      responses: { 302: { description: "To `/login`, signed in or not" } },
    },
    async (c) => {
      const { ctx } = c.var;
      const byCookie = ctx.actor.kind === "user" && ctx.actor.via === "cookie";
      // A read by its method only: a link on another site must sign nobody out.
      if (byCookie && isCrossOrigin(c.req.raw, ctx.settings)) throw new ApiError("cross_origin");
      await closeSession(ctx);
      deleteCookie(c, SESSION_COOKIE, { path: "/" });
      return c.redirect("/login", 302);
    },
  );

  operation(
    app,
    {
      method: "get",
      path: "/api/me",
      operationId: "getMe",
      tags: ["identity"],
      summary: "The account behind the credential",
      access: "user",
      admits: ACCOUNTS,
      etag: true,
      errors: [],
      responses: { 200: { description: "The account", ...json(Me) } },
    },
    async (c) => c.json(await me(c.var.ctx), 200),
  );
}
