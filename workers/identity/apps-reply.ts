/** Replies of the apps face. */
import type { z } from "@hono/zod-openapi";

export const json = <T extends z.ZodType>(schema: T) => ({ content: { "application/json": { schema } } });
export const body = <T extends z.ZodType>(schema: T) => ({ body: { ...json(schema), required: true as const } });

export const envelope = <T>(data: T) => ({ data, error: null });
/** What is documented bare as well. */
export const bothForms = <T extends object>(data: T) => ({ ...data, ...envelope(data) });
