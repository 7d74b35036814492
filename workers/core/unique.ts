import type { FieldError } from "#contract/errors";
import { ApiError } from "./errors.ts";

/**
 * Turns the refusal of a unique index into `conflict`, or what else the operation documents. SQLite names the index's
 * columns, which `index` matches: `UNIQUE constraint failed: table.column, …`; drizzle wraps that in its own error.
 */
export async function uniquely<T>(
  index: RegExp,
  message: string,
  write: () => Promise<T>,
  detail: FieldError,
  code: "conflict" | "invalid_request" = "conflict",
): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (index.test(messages(error))) throw new ApiError(code, message, { details: [detail], cause: error });
    throw error;
  }
}

function messages(error: unknown): string {
  return error instanceof Error ? `${error.message} ${messages(error.cause)}` : "";
}
