import { z } from "@hono/zod-openapi";
import {
  BlockedUsers,
  CreatedUser,
  FoundUsers,
  PasswordReset,
  RoleChange,
  RoleReply,
  Told,
  UserInput,
  UserList,
} from "#contract/identity";
import { ACCOUNTS, ADMINS, MODERATORS, SUPERADMINS } from "../core/admits.ts";
import type { App } from "../core/app-env.ts";
import { operation } from "../core/operation.ts";
import { numbered, OFFSET_MAX, whole } from "../core/parameters.ts";
import { blockUser, listBlocked, unblockUser } from "./blocks.ts";
import { changeRole } from "./change-role.ts";
import { createUser } from "./create-user.ts";
import { deleteUser } from "./delete-user.ts";
import { listUsers } from "./list-users.ts";
import { resetPassword } from "./reset-password.ts";
import { searchUsers } from "./search-users.ts";

const json = <T extends z.ZodType>(schema: T) => ({ content: { "application/json": { schema } } });
const tags = ["identity"];
const WithUser = numbered("The user's number");
const Success = z.object({ success: z.literal(true) });
/** As nicknames are kept. */
const Search = z.string().normalize("NFC").trim().max(64, "must be at most 64 characters");

/** Other people: administered, found, blocked. */
export function userRoutes(app: App): void {
  operation(
    app,
    {
      method: "get",
      path: "/api/users",
      operationId: "listUsers",
      tags,
      summary: "All accounts, oldest first; for moderators",
      access: "account",
      admits: MODERATORS,
      errors: ["forbidden"],
      request: {
        query: z.object({
          q: Search.optional().meta({ description: "Only those whose name or nickname has this in it" }),
          limit: whole(1, 500).default(500),
          offset: whole(0, OFFSET_MAX).default(0),
        }),
      },
      responses: { 200: { description: "The accounts, and whom you may manage", ...json(UserList) } },
    },
    async (c) => c.json(await listUsers(c.var.ctx, c.req.valid("query")), 200),
  );

  operation(
    app,
    {
      method: "post",
      path: "/api/users",
      operationId: "createUser",
      tags,
      summary: "Make an account; for admins, of roles below their own",
      access: "account",
      admits: { kinds: { user: ADMINS, admin: SUPERADMINS } },
      idempotent: true,
      errors: ["forbidden", "conflict"],
      request: { body: { ...json(UserInput), required: true } },
      responses: { 201: { description: "The account", ...json(CreatedUser) } },
    },
    async (c) => c.json(await createUser(c.var.ctx, c.req.valid("json")), 201),
  );

  operation(
    app,
    {
      method: "put",
      path: "/api/users/{id}/role",
      operationId: "changeRole",
      tags,
      summary: "Give somebody another role; they are signed out everywhere",
      description:
        "Superadmins manage anybody and give any role; others manage those below them and give roles below their own. " +
        "Somebody always stays superadmin.",
      access: "account",
      admits: { kinds: { user: MODERATORS, moderator: ADMINS, admin: SUPERADMINS } },
      errors: ["forbidden", "not_found", "conflict"],
      request: { params: WithUser, body: { ...json(RoleChange), required: true } },
      responses: { 200: { description: "The account as it is now", ...json(RoleReply) } },
    },
    async (c) => c.json(await changeRole(c.var.ctx, c.req.valid("param").id, c.req.valid("json").role), 200),
  );

  operation(
    app,
    {
      method: "post",
      path: "/api/users/{id}/reset-password",
      operationId: "resetPassword",
      tags,
      summary: "Give somebody another password; they are signed out everywhere",
      description: "For admins, by the same hierarchy as roles.",
      access: "account",
      admits: { kinds: { user: ADMINS, admin: SUPERADMINS } },
      errors: ["forbidden", "not_found", "conflict"],
      request: { params: WithUser, body: { ...json(PasswordReset), required: true } },
      responses: { 200: { description: "It is changed", ...json(Told) } },
    },
    async (c) => {
      const { new_password } = c.req.valid("json");
      const { username } = await resetPassword(c.var.ctx, c.req.valid("param").id, new_password);
      return c.json({ message: `${username} has the new password, and is signed out everywhere` }, 200);
    },
  );

  operation(
    app,
    {
      method: "delete",
      path: "/api/users/{id}",
      operationId: "deleteUser",
      tags,
      summary: "Delete an account with its streams and recordings; for superadmins",
      description: "Whoever publishes is cut off. What it wrote in others' channels stays under its name.",
      access: "account",
      admits: SUPERADMINS,
      errors: ["forbidden", "not_found", "conflict"],
      request: { params: WithUser },
      responses: { 200: { description: "Nobody signs in to it any more", ...json(Told) } },
    },
    async (c) => {
      const { username, gone } = await deleteUser(c.var.ctx, c.req.valid("param").id);
      const rest = gone ? "" : "; what hangs on it is still being removed";
      return c.json({ message: `${username} is deleted${rest}` }, 200);
    },
  );

  operation(
    app,
    {
      method: "get",
      path: "/api/chat/users",
      operationId: "searchUsers",
      tags,
      summary: "Find others by a part of their name or nickname",
      access: "account",
      admits: ACCOUNTS,
      limit: "search",
      errors: ["forbidden"],
      request: { query: z.object({ q: Search.default("") }) },
      responses: { 200: { description: "At most 20", ...json(FoundUsers) } },
    },
    async (c) => c.json(await searchUsers(c.var.ctx, c.req.valid("query").q), 200),
  );

  operation(
    app,
    {
      method: "get",
      path: "/api/users/blocked",
      operationId: "listBlocked",
      tags,
      summary: "Whom you blocked, newest first",
      access: "account",
      admits: ACCOUNTS,
      errors: ["forbidden"],
      responses: { 200: { description: "At most 500", ...json(BlockedUsers) } },
    },
    async (c) => c.json(await listBlocked(c.var.ctx), 200),
  );

  operation(
    app,
    {
      method: "post",
      path: "/api/users/{id}/block",
      operationId: "blockUser",
      tags,
      summary: "Block somebody",
      access: "account",
      admits: ACCOUNTS,
      errors: ["forbidden", "not_found"],
      request: { params: WithUser },
      responses: { 200: { description: "They are blocked", ...json(Success) } },
    },
    async (c) => {
      await blockUser(c.var.ctx, c.req.valid("param").id);
      return c.json({ success: true as const }, 200);
    },
  );

  operation(
    app,
    {
      method: "delete",
      path: "/api/users/{id}/block",
      operationId: "unblockUser",
      tags,
      summary: "Block somebody no more",
      access: "account",
      admits: ACCOUNTS,
      errors: ["forbidden", "not_found"],
      request: { params: WithUser },
      responses: { 200: { description: "They are not blocked", ...json(Success) } },
    },
    async (c) => {
      await unblockUser(c.var.ctx, c.req.valid("param").id);
      return c.json({ success: true as const }, 200);
    },
  );
}
