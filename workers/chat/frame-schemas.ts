/** The frames of `/ws/chat` in `/openapi.json`, as JSON Schemas: made of those that the gateway reads and writes by. */
import * as z from "zod";
import { ChatMessage, PinnedMessage } from "#contract/chat";
import { ChatUser, ClientFrame, ServerFrame } from "#contract/chat-frames";
import type { App } from "../core/app-env.ts";

type JsonSchema = z.core.JSONSchema.BaseSchema;

export const CLIENT_FRAME = "ChatClientFrame";
export const SERVER_FRAME = "ChatServerFrame";
export const SERVER_BATCH = "ChatServerBatch";

const addressOf = (name: string) => `#/components/schemas/${name}`;

/** `user_joined` → `UserJoined`. */
const titled = (type: string) => type.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** The frames of one direction by name, each its type after the prefix. */
const framesOf = (union: typeof ClientFrame | typeof ServerFrame, prefix: string) =>
  union.options.map((schema) => {
    const type = schema.shape.type.value;
    return { type, name: prefix + titled(type), schema };
  });
const FROM_CLIENTS = framesOf(ClientFrame, "ChatClient");
const TO_CLIENTS = framesOf(ServerFrame, "ChatServer");

const NAMED: [name: string, z.ZodType][] = [
  ["ChatMessage", ChatMessage],
  ["PinnedMessage", PinnedMessage],
  ["ChatUser", ChatUser],
  ...[...FROM_CLIENTS, ...TO_CLIENTS].map(({ name, schema }): [string, z.ZodType] => [name, schema]),
  [CLIENT_FRAME, ClientFrame],
  [SERVER_FRAME, ServerFrame],
  [SERVER_BATCH, z.array(ServerFrame)],
];

const discriminator = (frames: typeof FROM_CLIENTS | typeof TO_CLIENTS) => ({
  propertyName: "type",
  mapping: Object.fromEntries(frames.map(({ type, name }) => [type, addressOf(name)])),
});

/** By name, each with the others by reference. */
function frameSchemas(): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of NAMED) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { io: "input", uri: addressOf });
  // The document says for all of them what they are, and where.
  const entries = Object.entries(schemas).map(([name, { $schema, $id, ...schema }]) => [name, schema]);
  const plain: Record<string, JsonSchema> = Object.fromEntries(entries);
  Object.assign(plain[CLIENT_FRAME] ?? {}, { discriminator: discriminator(FROM_CLIENTS) });
  Object.assign(plain[SERVER_FRAME] ?? {}, { discriminator: discriminator(TO_CLIENTS) });
  return plain;
}

/** They are made when the description is written: nothing else waits for them. */
export function describeFrames({ openAPIRegistry }: App): void {
  let made: Record<string, JsonSchema> | undefined;
  const written = (name: string) => {
    made ??= frameSchemas();
    return made[name];
  };
  for (const [name] of NAMED) openAPIRegistry.registerComponent("schemas", name, { toJSON: () => written(name) });
}
