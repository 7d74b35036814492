import { z } from "@hono/zod-openapi";
import { AllSshKeys, CreatedSshKey, Deleted, SshKey, SshKeyInput, SshKeyList } from "#contract/credentials";
import { ACCOUNTS, ADMINS, IN_PERSON, OWNER, OWNER_IN_PERSON } from "../core/admits.ts";
import type { App } from "../core/app-env.ts";
import { operation } from "../core/operation.ts";
import { numbered } from "../core/parameters.ts";
import { createSshKey } from "./create-ssh-key.ts";
import { deleteSshKey } from "./delete-ssh-key.ts";
import { authorizedKeys, getSshKey, listAllSshKeys, listSshKeys } from "./ssh-keys.ts";

const json = <T extends z.ZodType>(schema: T) => ({ content: { "application/json": { schema } } });
const tags = ["identity"];
const ByNumber = numbered("Of the SSH key");
const OfUser = z.object({
  user_id: numbered("").shape.id.optional().meta({ description: "Whose, for admins; yours when not said" }),
});

/** Literal paths first: a number would take them. */
export function sshKeyRoutes(app: App): void {
  operation(
    app,
    {
      method: "get",
      path: "/api/ssh-keys",
      operationId: "listSshKeys",
      tags,
      summary: "Your SSH keys, newest first",
      access: "account",
      admits: ACCOUNTS,
      errors: ["forbidden"],
      responses: { 200: { description: "The keys", ...json(SshKeyList) } },
    },
    async (c) => c.json(await listSshKeys(c.var.ctx), 200),
  );

  operation(
    app,
    {
      method: "post",
      path: "/api/ssh-keys",
      operationId: "createSshKey",
      tags,
      summary: "Make an SSH key pair",
      description: "Ed25519, or RSA of 3072 bits. The private key is in the reply and is kept nowhere. At most 50.",
      access: "user",
      admits: IN_PERSON,
      errors: ["forbidden"],
      request: { body: { ...json(SshKeyInput), required: true } },
      responses: { 201: { description: "The pair", ...json(CreatedSshKey) } },
    },
    async (c) => c.json(await createSshKey(c.var.ctx, c.req.valid("json")), 201),
  );

  operation(
    app,
    {
      method: "get",
      path: "/api/ssh-keys/authorized",
      operationId: "getAuthorizedKeys",
      tags,
      summary: "Your public keys, as a text for `authorized_keys`",
      access: "account",
      admits: { kinds: { own: ACCOUNTS, "of somebody else": ADMINS } },
      errors: ["forbidden", "not_found"],
      request: { query: OfUser },
      responses: {
        200: { description: "A line for each key", content: { "text/plain": { schema: z.string() } } },
      },
    },
    async (c) => c.text(await authorizedKeys(c.var.ctx, c.req.valid("query").user_id), 200),
  );

  operation(
    app,
    {
      method: "get",
      path: "/api/ssh-keys/all",
      operationId: "listAllSshKeys",
      tags,
      summary: "Everybody's SSH keys, newest first; for admins",
      description: "At most 1000.",
      access: "account",
      admits: ADMINS,
      errors: ["forbidden"],
      responses: { 200: { description: "The keys and whose they are", ...json(AllSshKeys) } },
    },
    async (c) => c.json(await listAllSshKeys(c.var.ctx), 200),
  );

  operation(
    app,
    {
      method: "get",
      path: "/api/ssh-keys/{id}",
      operationId: "getSshKey",
      tags,
      summary: "An SSH key of yours; for admins anybody's",
      access: "account",
      admits: { ...OWNER, admin: "ok" },
      etag: true,
      errors: ["forbidden", "not_found"],
      request: { params: ByNumber },
      responses: { 200: { description: "The key", ...json(SshKey) } },
    },
    async (c) => c.json(await getSshKey(c.var.ctx, c.req.valid("param").id), 200),
  );

  operation(
    app,
    {
      method: "delete",
      path: "/api/ssh-keys/{id}",
      operationId: "deleteSshKey",
      tags,
      summary: "Delete an SSH key of yours",
      description: "Where you have put it in a server's `authorized_keys` it still opens that server.",
      access: "user",
      admits: OWNER_IN_PERSON,
      errors: ["forbidden", "not_found"],
      request: { params: ByNumber },
      responses: { 200: { description: "It is gone", ...json(Deleted) } },
    },
    async (c) => {
      await deleteSshKey(c.var.ctx, c.req.valid("param").id);
      return c.json({ status: "deleted" as const }, 200);
    },
  );
}
