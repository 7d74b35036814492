import type { ApiFailure } from "../api/failure.ts";
import type { Faults } from "../ui/field-faults.ts";

/** Which field of the registration a refusal is about, and what to do; empty when about none. */
export function registrationFaults({ code, fields }: Pick<ApiFailure, "code" | "fields">): Faults {
  if (code === "bad_invite_code") {
    return { invite_code: "is not valid, or not any more. Look for a slip, or ask for a new one." };
  }
  const { username } = fields;
  return username === "is taken" ? { ...fields, username: "is taken. Choose another one." } : fields;
}
