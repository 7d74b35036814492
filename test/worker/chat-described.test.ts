/** The frames of the socket, as `/openapi.json` describes them. */
import { expect, test } from "vitest";
import { z } from "zod";
import { ClientFrame, ServerFrame } from "../../schema/contract/chat-frames.ts";
import { call } from "./client.ts";

const Document = z.object({
  paths: z.object({ "/ws/chat": z.object({ get: z.object({ description: z.string() }) }) }),
  components: z.object({ schemas: z.record(z.string(), z.json()) }),
});
const { body, text } = await call("GET", "/openapi.json");
const { paths, components } = Document.parse(body);

const typesOf = (union: typeof ClientFrame | typeof ServerFrame): string[] =>
  union.options.map(({ shape }) => shape.type.value);
const Union = z.object({
  oneOf: z.array(z.object({ $ref: z.string() })),
  discriminator: z.object({ propertyName: z.literal("type"), mapping: z.record(z.string(), z.string()) }),
});
const Frame = z.looseObject({
  properties: z.looseObject({ type: z.looseObject({ const: z.string() }) }),
  required: z.array(z.string()),
});

test.each([
  ["ChatClientFrame", ClientFrame],
  ["ChatServerFrame", ServerFrame],
] as const)("%s names the schema of each type", (name, union) => {
  expect(paths["/ws/chat"].get.description).toContain(`#/components/schemas/${name}`);
  const { oneOf, discriminator } = Union.parse(components.schemas[name]);
  expect(Object.keys(discriminator.mapping)).toEqual(typesOf(union));
  expect(oneOf.map(({ $ref }) => $ref)).toEqual(Object.values(discriminator.mapping));
  for (const [type, address] of Object.entries(discriminator.mapping)) {
    const frame = Frame.parse(components.schemas[address.replace("#/components/schemas/", "")]);
    expect(frame.properties.type.const).toBe(type);
    expect(frame.required).toContain("type");
  }
});

test("says what a field may be, and what may be left out", () => {
  const id = { type: "integer", exclusiveMinimum: 0, maximum: Number.MAX_SAFE_INTEGER };
  expect(components.schemas.ChatClientMessage).toEqual({
    type: "object",
    properties: {
      type: { type: "string", const: "message" },
      message: { type: "string", minLength: 1, maxLength: 4000, description: expect.any(String) },
      reply_to: id,
      nonce: { type: "string", minLength: 1, maxLength: 64, pattern: "^[\\x21-\\x7d]+$" },
    },
    required: ["type", "message"],
  });
  expect(components.schemas.ChatServerHistory).toMatchObject({
    properties: { messages: { type: "array", items: { $ref: "#/components/schemas/ChatMessage" } } },
    required: ["type", "channel_id", "rev", "messages", "has_more"],
  });
  expect(components.schemas.ChatServerBatch).toEqual({
    type: "array",
    items: { $ref: "#/components/schemas/ChatServerFrame" },
  });
});

test("refers to nothing that is not there", () => {
  const references = [...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name);
  expect(references.length).toBeGreaterThan(50);
  expect(references.filter((name) => !(String(name) in components.schemas))).toEqual([]);
});

test("has patterns that are those of regular expressions", () => {
  const patterns = [...text.matchAll(/"pattern":("(?:[^"\\]|\\.)*")/g)].map(([, pattern]) =>
    JSON.parse(String(pattern)),
  );
  for (const pattern of patterns) expect(() => new RegExp(pattern, "u")).not.toThrow();
});
