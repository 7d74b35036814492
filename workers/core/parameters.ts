/** Numbers in paths and queries. */
import { z } from "@hono/zod-openapi";

/** A path with the number of something. */
export const numbered = (description: string) =>
  z.object({
    id: z
      .string()
      .regex(/^[1-9]\d{0,14}$/, "must be a number")
      .transform(Number)
      .meta({ description, example: "1" }),
  });

/** A query's whole number from `least` to `most`. */
export const whole = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, "must be a whole number")
    .transform(Number)
    .refine((value) => value >= least && value <= most, `must be from ${least} to ${most}`);

export const OFFSET_MAX = 999_999_999;
