import { z } from "@hono/zod-openapi";

/** A number in the path. */
export const numbered = (description: string) =>
  z.object({
    id: z
      .string()
      .regex(/^[1-9]\d{0,14}$/, "must be a number")
      .transform(Number)
      .meta({ description, example: "1" }),
  });
