import { z } from "@hono/zod-openapi";
import {
  BATCH_MS,
  BATCH_PROTOCOL,
  ChannelInput,
  ChannelList,
  ChannelUpdate,
  CreatedChannel,
  MESSAGE_WINDOW_MS,
  MESSAGES_PER_WINDOW,
  STEPS_AT_ONCE,
  STEPS_PER_SECOND,
  Thread,
} from "#contract/chat";
import { ACCOUNTS, ADMINS, EVERYBODY, MODERATORS, SUPERADMINS } from "../core/admits.ts";
import type { App } from "../core/app-env.ts";
import { authenticate, presentsCredential } from "../core/authenticate.ts";
import { operation } from "../core/operation.ts";
import { numbered, numberOf } from "../core/parameters.ts";
import { clearChannel } from "./clear-channel.ts";
import { connect, needUpgrade } from "./connect.ts";
import { createChannel } from "./create-channel.ts";
import { deleteChannel } from "./delete-channel.ts";
import { CLIENT_FRAME, describeFrames, SERVER_BATCH, SERVER_FRAME } from "./frame-schemas.ts";
import { listChannels } from "./list-channels.ts";
import { readThread } from "./thread.ts";
import { updateChannel } from "./update-channel.ts";

const json = <T extends z.ZodType>(schema: T) => ({ content: { "application/json": { schema } } });
const tags = ["chat"];

const WithChannel = numbered("The channel's number");
const WithMessage = z.object({ id: numberOf("The message's number", Number.MAX_SAFE_INTEGER) });
const Success = z.object({ success: z.literal(true) });

export function chatRoutes(app: App): void {
  operation(
    app,
    {
      method: "get",
      path: "/api/chat/channels",
      operationId: "listChannels",
      tags,
      summary: "The channels you may see: default ones first, then by name",
      description:
        "Public ones, those you were let into, and those of streams that are public or yours; admins see all. At most 500.",
      access: "user",
      admits: ACCOUNTS,
      errors: [],
      responses: { 200: { description: "The channels", ...json(ChannelList) } },
    },
    async (c) => c.json({ channels: await listChannels(c.var.ctx) }, 200),
  );

  operation(
    app,
    {
      method: "post",
      path: "/api/chat/channels",
      operationId: "createChannel",
      tags,
      summary: "Create a channel",
      description: "Private and readonly ones take a moderator, who then moderates the private channel.",
      access: "account",
      admits: { kinds: { public: ACCOUNTS, private: MODERATORS } },
      idempotent: true,
      errors: ["forbidden", "conflict"],
      request: { body: { ...json(ChannelInput), required: true } },
      responses: { 201: { description: "The channel", ...json(CreatedChannel) } },
    },
    async (c) => c.json(await createChannel(c.var.ctx, c.req.valid("json")), 201),
  );

  operation(
    app,
    {
      method: "put",
      path: "/api/chat/channels/{id}",
      operationId: "updateChannel",
      tags,
      summary: "Change a channel; what is not named stays",
      description:
        "For moderators, the channel's own moderators, and the owner of the stream whose channel it is. Name and " +
        "visibility of default channels and of those of streams are fixed.",
      access: "user",
      admits: { kinds: { channel: MODERATORS, "of a stream": { ...ACCOUNTS, other: 403 } } },
      errors: ["forbidden", "not_found", "conflict"],
      request: { params: WithChannel, body: { ...json(ChannelUpdate), required: true } },
      responses: { 200: { description: "It is changed", ...json(Success) } },
    },
    async (c) => {
      await updateChannel(c.var.ctx, c.req.valid("param").id, c.req.valid("json"));
      return c.json({ success: true as const }, 200);
    },
  );

  operation(
    app,
    {
      method: "delete",
      path: "/api/chat/channels/{id}",
      operationId: "deleteChannel",
      tags,
      summary: "Delete a channel with its messages; for admins",
      description: "Not the default ones, and not those of streams, which go with their streams.",
      access: "user",
      admits: ADMINS,
      errors: ["forbidden", "not_found"],
      request: { params: WithChannel },
      responses: { 200: { description: "It is gone", ...json(Success) } },
    },
    async (c) => {
      await deleteChannel(c.var.ctx, c.req.valid("param").id);
      return c.json({ success: true as const }, 200);
    },
  );

  operation(
    app,
    {
      method: "post",
      path: "/api/chat/channels/{id}/clear",
      operationId: "clearChannel",
      tags,
      summary: "Remove every message of a channel; for superadmins",
      access: "user",
      admits: SUPERADMINS,
      errors: ["forbidden", "not_found"],
      request: { params: WithChannel },
      responses: {
        200: { description: "It is empty", ...json(Success.extend({ deleted_count: z.int() })) },
      },
    },
    async (c) => {
      const deleted_count = await clearChannel(c.var.ctx, c.req.valid("param").id);
      return c.json({ success: true as const, deleted_count }, 200);
    },
  );

  operation(
    app,
    {
      method: "get",
      path: "/api/chat/thread/{id}",
      operationId: "getThread",
      tags,
      summary: "A message and what it answers, oldest first",
      access: "user",
      admits: { kinds: { public: ACCOUNTS, private: { ...ACCOUNTS, other: 403 } } },
      etag: true,
      errors: ["forbidden", "not_found"],
      request: { params: WithMessage },
      responses: { 200: { description: "At most 20, twice: both names are documented", ...json(Thread) } },
    },
    async (c) => {
      const messages = await readThread(c.var.ctx, c.req.valid("param").id);
      return c.json({ messages, thread: messages }, 200);
    },
  );

  describeFrames(app);
  operation(
    app,
    {
      method: "get",
      path: "/ws/chat",
      operationId: "openChat",
      tags,
      summary: "The chat: a WebSocket",
      description: SOCKET,
      access: "asked",
      admits: { ...EVERYBODY, revoked_key: 401, expired_token: 401 },
      limit: "chat_connect",
      errors: ["upgrade_required", "cross_origin"],
      request: {
        query: z.object({
          token: z.string().optional().meta({ description: "A token or an API key, where headers cannot be set" }),
        }),
      },
      responses: { 101: { description: "The socket" } },
    },
    async (c) => {
      needUpgrade(c.req.raw);
      const { ctx, services } = c.var;
      ctx.actor = await authenticate(c, services.authenticators);
      return connect(ctx, c.req.raw, presentsCredential(c));
    },
  );
}

const SOCKET = `Text frames of at most 64 KB, each a JSON object with its \`type\`. The first one from here is \`connected\`.

JSON Schemas of all of them are among this description's components: \`#/components/schemas/${CLIENT_FRAME}\` from clients,
\`#/components/schemas/${SERVER_FRAME}\` to clients, \`#/components/schemas/${SERVER_BATCH}\` for readers of batches.

From clients: \`join\` (a \`channel\`, a \`channel_id\` or a \`stream_key\`; one channel at a time), \`message\`, \`typing\`,
\`delete\`, \`react\`, \`edit_message\`, \`pin_message\`, \`unpin_message\`, \`mark_read\`, \`history\` (older messages),
\`resume\` (what came after \`rev\`), \`ping\`. A \`nonce\` makes a resend the same action; another one under
it is refused for 10 minutes.

To clients: after a join \`channel_info\`, \`history\`, \`pinned_messages\`, \`users\`; then what happens. Frames of a channel carry
\`channel_id\` and \`rev\`, which counts its changes without gaps. What fails is an \`error\` with its \`error_code\`.

One user sends ${MESSAGES_PER_WINDOW} messages in ${MESSAGE_WINDOW_MS / 1000} s. Joins, and edits, reactions and the like:
${STEPS_AT_ONCE} at once, then ${STEPS_PER_SECOND} a second. Beyond that they are \`rate_limited\`, with the seconds to
wait in \`retry_after\`.

Who offers the subprotocol \`${BATCH_PROTOCOL}\` gets arrays of frames, at most every ${BATCH_MS} ms, and answers \`sync\` by \`synced\`.

Without a credential one is a guest, who may read the chat of streams that guests may watch. A cookie counts only on pages of
our own. A credential that does not hold is told on the socket, which is then closed.

Close codes: 4401 the credential does not hold, or no longer does; 4408 frames were not read, or nothing was heard, for too
long; 4429 frames kept coming
after they were refused; 1012 come back, and resume.`;
