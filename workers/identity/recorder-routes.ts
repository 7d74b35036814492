import type { z } from "@hono/zod-openapi";
import { RecorderLogin, RecorderLoginReply, RecorderToken } from "#contract/recorder-identity";
import { ACCOUNTS, EVERYBODY } from "../core/admits.ts";
import type { App } from "../core/app-env.ts";
import { presentedToken } from "../core/authenticate.ts";
import { operation } from "../core/operation.ts";
import { logInToRecorder } from "./recorder-log-in.ts";
import { refreshToken } from "./recorder-refresh.ts";

const json = <T extends z.ZodType>(schema: T) => ({ content: { "application/json": { schema } } });
const tags = ["identity"];

/** The recorder's login, which opens every face. */
export function recorderIdentityRoutes(app: App): void {
  operation(
    app,
    {
      method: "post",
      path: "/api/auth/login",
      operationId: "recorderLogIn",
      tags,
      summary: "Sign in to the recorder and get a token for 24 hours",
      access: "none",
      admits: EVERYBODY,
      limit: "auth",
      errors: ["bad_credentials", "totp_required", "totp_invalid"],
      request: { body: { ...json(RecorderLogin), required: true } },
      responses: { 200: { description: "The token, shown once", ...json(RecorderLoginReply) } },
    },
    async (c) => c.json(await logInToRecorder(c.var.ctx, c.req.valid("json")), 200),
  );

  operation(
    app,
    {
      method: "post",
      path: "/api/auth/refresh",
      operationId: "recorderRefresh",
      tags,
      summary: "Get another token for one that is about to end, or ended within the last hour",
      description: "The session stays the same: it is listed and revoked as before. A body is not looked at.",
      access: "token",
      admits: ACCOUNTS,
      limit: "auth",
      errors: [],
      responses: { 200: { description: "The token, shown once", ...json(RecorderToken) } },
    },
    async (c) => c.json(await refreshToken(c.var.ctx, presentedToken(c)), 200),
  );
}
