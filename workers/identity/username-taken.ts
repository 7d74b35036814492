import { ApiError } from "../core/errors.ts";
import { uniquely } from "../core/unique.ts";

/** Turns the refusal of a name that somebody has into `conflict`, or what else the operation documents. */
export async function usernameTaken<T>(code: "conflict" | "invalid_request", write: () => Promise<T>): Promise<T> {
  const message = "The username is taken";
  try {
    return await uniquely(/users\.username/, message, write, { field: "username", message: "is taken" });
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== "conflict") throw error;
    throw new ApiError(code, message, { details: error.details, cause: error });
  }
}
