/** Numbers in paths and queries: documented as the integers they are, read from nothing but digits. */
import { z } from "@hono/zod-openapi";

const digits = (text: unknown) => (typeof text === "string" && /^\d{1,16}$/.test(text) ? Number(text) : text);
/** Of the several spellings of a number one is in addresses. */
const canonical = (text: unknown) => (typeof text === "string" && text.startsWith("0") ? text : digits(text));

const ID_MAX = 999_999_999_999_999;

/** The number of something. */
export function numberOf(description: string, most = ID_MAX) {
  const wrong = "must be a number";
  return z.preprocess(canonical, z.int(wrong).min(1, wrong).max(most, wrong)).meta({ description, example: 1 });
}

/** A path with the number of something. */
export const numbered = (description: string) => z.object({ id: numberOf(description) });

/** A query's whole number from `least` to `most`. */
export function whole(least: number, most: number) {
  const range = `must be from ${least} to ${most}`;
  return z.preprocess(digits, z.int("must be a whole number").min(least, range).max(most, range));
}

export const OFFSET_MAX = 999_999_999;
