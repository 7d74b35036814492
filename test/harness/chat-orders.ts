/** What tests ask of the faulty Worker (`faulty-worker.ts`) at `/test/…`, and what it replies. */
import type { UserRole } from "#contract/identity";

/** `POST /test/users`: makes accounts with a session each. */
export type UsersOrder = { count: number; role: UserRole };
export type TestUser = { id: number; username: string; token: string };

/** `POST /test/abort`: an object loses everything that is not in its storage, in the middle of whatever it does. */
export type AbortOrder = { object: ChatObject; name: string };
export type ChatObject = "room" | "gateway";

/** `GET /test/chat`. */
export type ChatLook = {
  /** Names of the objects that were ever awake. */
  rooms: string[];
  gateways: string[];
  /** Calls between objects since the start. */
  calls: Record<"deliver" | "act" | "visit", number>;
};
