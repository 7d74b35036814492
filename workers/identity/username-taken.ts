import { uniquely } from "../core/unique.ts";

/** Turns the refusal of a name that somebody has into `conflict`, or what else the operation documents. */
export const usernameTaken = <T>(code: "conflict" | "invalid_request", write: () => Promise<T>): Promise<T> =>
  uniquely(/users\.username/, "The username is taken", write, { field: "username", message: "is taken" }, code);
