import { ApiError } from "../core/errors.ts";

/** SQLite names the columns of the unique index that refused a row; drizzle wraps that in its own error. */
const TITLE_INDEX = /UNIQUE constraint failed: streams\.user_id, streams\.title/;

/** Turns "the account has a stream of that title" into `conflict`. */
export async function titleTaken<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (TITLE_INDEX.test(messages(error))) {
      throw new ApiError("conflict", "You have a stream with this title already", {
        details: [{ field: "title", message: "is taken by another of your streams" }],
      });
    }
    throw error;
  }
}

function messages(error: unknown): string {
  return error instanceof Error ? `${error.message} ${messages(error.cause)}` : "";
}
