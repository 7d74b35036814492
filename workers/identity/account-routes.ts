import type { z } from "@hono/zod-openapi";
import {
  AnonymousChange,
  AnonymousReply,
  AvatarChange,
  AvatarReply,
  NicknameChange,
  NicknameReply,
  PasswordChange,
  RevokeReply,
  RevokeRequest,
  SessionList,
  StatusChange,
  StatusReply,
  Told,
} from "#contract/identity";
import { ACCOUNTS, IN_PERSON, OWNER_IN_PERSON } from "../core/admits.ts";
import type { App } from "../core/app-env.ts";
import { operation } from "../core/operation.ts";
import { changePassword } from "./change-password.ts";
import { changeAnonymous, changeAvatar, changeNickname, changeStatus } from "./change-profile.ts";
import { listSessions } from "./list-sessions.ts";
import { revokeSession } from "./revoke-session.ts";

const json = <T extends z.ZodType>(schema: T) => ({ content: { "application/json": { schema } } });
const body = <T extends z.ZodType>(schema: T) => ({ body: { ...json(schema), required: true as const } });
const tags = ["identity"];

/** One's own account and its sessions. */
export function accountRoutes(app: App): void {
  operation(
    app,
    {
      method: "post",
      path: "/api/me/password",
      operationId: "changePassword",
      tags,
      summary: "Change your password; all your other sessions end",
      access: "user",
      admits: IN_PERSON,
      limit: "auth",
      errors: ["bad_credentials", "forbidden", "not_found", "conflict"],
      request: body(PasswordChange),
      responses: { 200: { description: "It is changed", ...json(Told) } },
    },
    async (c) => {
      await changePassword(c.var.ctx, c.req.valid("json"));
      return c.json({ message: "The password is changed, and your other sessions are signed out" }, 200);
    },
  );

  operation(
    app,
    {
      method: "put",
      path: "/api/me/status",
      operationId: "changeStatus",
      tags,
      summary: "Say whether you are there",
      access: "account",
      admits: ACCOUNTS,
      errors: ["forbidden"],
      request: body(StatusChange),
      responses: { 200: { description: "As it is now", ...json(StatusReply) } },
    },
    async (c) => c.json(await changeStatus(c.var.ctx, c.req.valid("json")), 200),
  );

  operation(
    app,
    {
      method: "put",
      path: "/api/me/nickname",
      operationId: "changeNickname",
      tags,
      summary: "Choose or remove your nickname",
      access: "account",
      admits: ACCOUNTS,
      errors: ["forbidden"],
      request: body(NicknameChange),
      responses: { 200: { description: "As it is now", ...json(NicknameReply) } },
    },
    async (c) => c.json(await changeNickname(c.var.ctx, c.req.valid("json").nickname), 200),
  );

  operation(
    app,
    {
      method: "put",
      path: "/api/me/avatar",
      operationId: "changeAvatar",
      tags,
      summary: "Choose your avatar; what is not named is no more",
      access: "account",
      admits: ACCOUNTS,
      errors: ["forbidden"],
      request: body(AvatarChange),
      responses: { 200: { description: "As it is now", ...json(AvatarReply) } },
    },
    async (c) => c.json(await changeAvatar(c.var.ctx, c.req.valid("json")), 200),
  );

  operation(
    app,
    {
      method: "put",
      path: "/api/me/anonymous",
      operationId: "changeAnonymous",
      tags,
      summary: "Be anonymous in chat, or not any more",
      access: "account",
      admits: ACCOUNTS,
      errors: ["forbidden"],
      request: body(AnonymousChange),
      responses: { 200: { description: "As it is now", ...json(AnonymousReply) } },
    },
    async (c) => c.json(await changeAnonymous(c.var.ctx, c.req.valid("json").anonymous), 200),
  );

  operation(
    app,
    {
      method: "get",
      path: "/api/tokens",
      operationId: "listSessions",
      tags,
      summary: "Your tokens and browsers that are or were signed in, newest first",
      description:
        "At most 500, of which none is left out for one that ended. Those that expired are shown for another week.",
      access: "user",
      admits: IN_PERSON,
      errors: ["forbidden"],
      responses: { 200: { description: "The tokens", ...json(SessionList) } },
    },
    async (c) => c.json(await listSessions(c.var.ctx), 200),
  );

  operation(
    app,
    {
      method: "post",
      path: "/api/token/revoke",
      operationId: "revokeSession",
      tags,
      summary: "Revoke a token of yours; its sockets are closed",
      access: "user",
      admits: OWNER_IN_PERSON,
      errors: ["forbidden", "not_found"],
      request: body(RevokeRequest),
      responses: { 200: { description: "It opens nothing any more", ...json(RevokeReply) } },
    },
    async (c) => {
      await revokeSession(c.var.ctx, c.req.valid("json").token_id);
      return c.json({ status: "revoked" as const, success: true as const }, 200);
    },
  );
}
