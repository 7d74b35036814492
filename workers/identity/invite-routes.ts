import { z } from "@hono/zod-openapi";
import {
  CreatedInvite,
  InviteInput,
  InviteList,
  RegisterReply,
  RegisterRequest,
  RegistrationList,
} from "#contract/identity";
import { ADMINS, EVERYBODY } from "../core/admits.ts";
import type { App } from "../core/app-env.ts";
import { operation } from "../core/operation.ts";
import { numbered } from "../core/parameters.ts";
import { createInvite } from "./create-invite.ts";
import { deactivateInvite } from "./deactivate-invite.ts";
import { listInvites } from "./list-invites.ts";
import { listRegistrations } from "./list-registrations.ts";
import { register } from "./register.ts";

const json = <T extends z.ZodType>(schema: T) => ({ content: { "application/json": { schema } } });
const tags = ["identity"];
const WithCode = numbered("The invite code's number");

export function inviteRoutes(app: App): void {
  operation(
    app,
    {
      method: "post",
      path: "/api/register",
      operationId: "register",
      tags,
      summary: "Make an account with an invite code",
      description: "One for each client address in 24 hours; 400 names a username that is taken.",
      access: "login",
      admits: EVERYBODY,
      limit: "auth",
      errors: ["bad_invite_code"],
      request: { body: { ...json(RegisterRequest), required: true } },
      responses: { 201: { description: "The account; sign in with it", ...json(RegisterReply) } },
    },
    async (c) => c.json(await register(c.var.ctx, c.req.valid("json")), 201),
  );

  operation(
    app,
    {
      method: "get",
      path: "/api/invite-code",
      operationId: "listInvites",
      tags,
      summary: "Today's invite code, and all others; for admins",
      access: "account",
      admits: ADMINS,
      errors: ["forbidden"],
      responses: { 200: { description: "The codes", ...json(InviteList) } },
    },
    async (c) => c.json(await listInvites(c.var.ctx), 200),
  );

  operation(
    app,
    {
      method: "post",
      path: "/api/admin/invite-codes",
      operationId: "createInvite",
      tags,
      summary: "Make an invite code; for admins",
      description:
        "A daily one holds until the end of the day (UTC), a timed one for so many days, both for any number of " +
        "accounts; a single-use one for one account.",
      access: "account",
      admits: ADMINS,
      idempotent: true,
      errors: ["forbidden"],
      request: { body: { ...json(InviteInput), required: true } },
      responses: { 201: { description: "The code", ...json(CreatedInvite) } },
    },
    async (c) => c.json(await createInvite(c.var.ctx, c.req.valid("json")), 201),
  );

  operation(
    app,
    {
      method: "delete",
      path: "/api/admin/invite-codes/{id}",
      operationId: "deactivateInvite",
      tags,
      summary: "Deactivate an invite code; for admins",
      description: "Accounts that were made with it stay. It is removed 30 days later.",
      access: "account",
      admits: ADMINS,
      errors: ["forbidden", "not_found"],
      request: { params: WithCode },
      responses: {
        200: { description: "It lets nobody in any more", ...json(z.object({ status: z.literal("deactivated") })) },
      },
    },
    async (c) => {
      await deactivateInvite(c.var.ctx, c.req.valid("param").id);
      return c.json({ status: "deactivated" as const }, 200);
    },
  );

  operation(
    app,
    {
      method: "get",
      path: "/api/admin/invite-codes/{id}/registrations",
      operationId: "listRegistrations",
      tags,
      summary: "Who registered by an invite code; for admins",
      access: "account",
      admits: ADMINS,
      errors: ["forbidden", "not_found"],
      request: { params: WithCode },
      responses: { 200: { description: "Newest first, at most 500", ...json(RegistrationList) } },
    },
    async (c) => c.json(await listRegistrations(c.var.ctx, c.req.valid("param").id), 200),
  );
}
