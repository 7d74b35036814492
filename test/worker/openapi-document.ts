/** `/openapi.json`, as far as tests look into it. */
import { z } from "zod";
import { call } from "./client.ts";

const Response = z.looseObject({
  description: z.string().min(1),
  headers: z.record(z.string(), z.unknown()).optional(),
  content: z.record(z.string(), z.looseObject({ examples: z.record(z.string(), z.unknown()).optional() })).optional(),
});
const Operation = z.looseObject({
  operationId: z.string(),
  summary: z.string().min(1),
  tags: z.array(z.string()).min(1),
  security: z.array(z.record(z.string(), z.array(z.string()))),
  parameters: z.array(z.looseObject({ name: z.string(), in: z.string() })).optional(),
  requestBody: z.looseObject({ content: z.record(z.string(), z.unknown()) }).optional(),
  responses: z.record(z.string(), Response),
});
const Document = z.looseObject({
  openapi: z.string(),
  info: z.looseObject({ title: z.string(), version: z.string() }),
  paths: z.record(z.string(), z.record(z.string(), Operation)),
  components: z.looseObject({ securitySchemes: z.record(z.string(), z.unknown()) }),
});
export type Document = z.infer<typeof Document>;

export const readDocument = async (): Promise<Document> => Document.parse((await call("GET", "/openapi.json")).body);
