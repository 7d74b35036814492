/** What is said of accounts and sessions. Pure. */
import type { Me, Session } from "../api/identity.ts";
import { deviceOf } from "./device.ts";

export const USERNAME_RULE = "3 to 30 letters, digits, _ or -. It stays as it is.";
export const PASSWORD_RULE = "At least 8 characters. A few words are better than one.";

/** How long until something is allowed again: `40 s`, `12 min`, `24 h`. Rounded up, so that it is true. */
export function waitWords(seconds: number): string {
  if (seconds < 100) return `${Math.ceil(seconds)} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 100 ? `${minutes} min` : `${Math.ceil(minutes / 60)} h`;
}

export const STATUSES: Record<Me["status"], string> = {
  online: "Online",
  away: "Away",
  busy: "Busy",
  dnd: "Do not disturb",
  offline: "Offline",
};

/** What a session is called: by its own name, or by what it is. */
export const sessionName = ({ name, kind, user_agent }: Pick<Session, "name" | "kind" | "user_agent">): string =>
  name || (kind === "cookie" ? deviceOf(user_agent) : "API token");

/** Why a session or a key opens nothing any more; null while it does. */
export function endWords({ revoked, expires_at }: { revoked: boolean; expires_at: string | null }, now: number) {
  if (revoked) return "Revoked";
  return expires_at !== null && Date.parse(expires_at) <= now ? "Expired" : null;
}
