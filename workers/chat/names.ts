import { ApiError } from "../core/errors.ts";
import { uniquely } from "../core/unique.ts";

const RESERVED = "stream-";

/** Throws `invalid_request` for a name that the channel of a stream could have. */
export function refuseReservedName(name: string): void {
  if (!name.startsWith(RESERVED)) return;
  throw new ApiError("invalid_request", `name must not begin with ${RESERVED}: those are channels of streams`, {
    details: [{ field: "name", message: `must not begin with ${RESERVED}` }],
  });
}

/** Throws `conflict` when there is a channel of that name. */
export const withOwnName = <T>(write: () => Promise<T>): Promise<T> =>
  uniquely(/UNIQUE constraint failed: chat_channels\.name/, "There is a channel of this name already", write, {
    field: "name",
    message: "is taken by another channel",
  });
