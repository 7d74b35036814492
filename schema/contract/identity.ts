/** Accounts, roles, sessions and what the login operations say. */
import { z } from "zod";

/** The documented APIs that Sluice speaks. More are added here, and then fail to compile until they have a dialect. */
export const Face = z.enum(["portal"]);
export type Face = z.infer<typeof Face>;

export const UserRole = z.enum(["user", "moderator", "admin", "superadmin"]);
export type UserRole = z.infer<typeof UserRole>;

/**
 * Who does something. It grows by a member with each kind of credential, and every switch over `kind` is exhaustive.
 * `scopes`: colon-separated segments, `*` is everything.
 */
export type Actor =
  | {
      kind: "user";
      id: number;
      username: string;
      role: UserRole;
      scopes: string[];
      session: string;
      /** A cookie is sent by the browser on its own, so it needs protection that a token does not. */
      via: "token" | "cookie";
    }
  /** Acts as the stream's owner, within the scopes of a stream key. */
  | { kind: "stream_key"; id: number; username: string; role: UserRole; scopes: string[]; stream_id: number }
  | { kind: "media_worker"; id: string }
  | { kind: "system"; name: string }
  | { kind: "anonymous" };

/** An actor that acts for an account. */
export type AccountActor = Extract<Actor, { kind: "user" | "stream_key" }>;
