import { uniquely } from "../core/unique.ts";

/** Turns the refusal of an address that somebody has into `invalid_request`. */
export const emailTaken = <T>(write: () => Promise<T>): Promise<T> =>
  uniquely(
    /users\.email/,
    "The e-mail address is in use",
    write,
    { field: "email", message: "is in use" },
    "invalid_request",
  );
