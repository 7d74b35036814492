import { uniquely } from "../core/unique.ts";

/** Throws `conflict` when the account has a stream of that title. */
export const titleTaken = <T>(write: () => Promise<T>): Promise<T> =>
  uniquely(
    /UNIQUE constraint failed: streams\.user_id, streams\.title/,
    "You have a stream with this title already",
    write,
    { field: "title", message: "is taken by another of your streams" },
  );
