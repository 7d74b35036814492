/** What is wrong with a form, field by field: before it is sent by the contract's own rules, after it by the API's. */
import type { z } from "zod";

export type Faults = Record<string, string>;

/** The first fault of each field; none when all is well. `{username: "must be 3 to 30 letters, digits, _ or -"}`. */
export function faultsOf(schema: z.ZodType, input: unknown): Faults {
  const { error } = schema.safeParse(input);
  const faults: Faults = {};
  for (const { path, message } of error?.issues ?? []) faults[String(path[0])] ??= message;
  return faults;
}

/** Puts the focus on the form's first field that has a fault. Fields are found by their name. */
export function focusFault(form: HTMLFormElement | null, faults: Faults): void {
  const fields = [...(form?.elements ?? [])].filter((each) => each instanceof HTMLInputElement);
  fields.find(({ name }) => name in faults)?.focus();
}

/** `is taken` of `The username` as a sentence; null where nothing is wrong. */
export const sentence = (subject: string, fault: string | undefined): string | null =>
  fault === undefined ? null : `${subject} ${fault}`;
