/** Roles and invite codes in words. Pure. */
import type { InviteType, UserRole } from "#contract/identity";
import type { Invite } from "../api/users.ts";

export const ROLES: Record<UserRole, { label: string; explained: string }> = {
  user: { label: "User", explained: "Streams, watches and chats." },
  moderator: { label: "Moderator", explained: "Keeps order in the chat and sees who has an account." },
  admin: { label: "Admin", explained: "Invites people, makes accounts and resets passwords." },
  superadmin: { label: "Superadmin", explained: "May do everything: give any role, and delete accounts." },
};

/** `a moderator`, `an admin`. */
export const oneOf = (role: UserRole): string => `${role === "admin" ? "an" : "a"} ${role}`;

export const INVITE_TYPES: Record<InviteType, { label: string; explained: string }> = {
  single_use: { label: "For one person", explained: "Lets one account in." },
  timed: { label: "For a time", explained: "Lets any number in until it ends." },
  daily: { label: "For a day", explained: "Lets any number in until the day ends (UTC)." },
};

/** `Nobody came by it yet`, `1 person came by it`. */
export function usesWords({ use_count, max_uses }: Pick<Invite, "use_count" | "max_uses">): string {
  if (max_uses === 1) return use_count > 0 ? "Used" : "Not used yet";
  if (use_count === 0) return "Not used yet";
  return use_count === 1 ? "Used once" : `Used ${use_count.toLocaleString()} times`;
}

/** Why a code lets nobody in any more; null while it does. */
export function endedWords(
  { is_active, expires_at, max_uses, use_count }: Pick<Invite, "is_active" | "expires_at" | "max_uses" | "use_count">,
  now: number,
): "Used up" | "Expired" | "Deactivated" | null {
  if (is_active) return null;
  if (max_uses !== null && use_count >= max_uses) return "Used up";
  return expires_at !== null && Date.parse(expires_at) <= now ? "Expired" : "Deactivated";
}

/** What somebody opens to make an account by the code. */
export const inviteLink = ({ code }: Pick<Invite, "code">, origin: string): string =>
  `${origin}/register?code=${encodeURIComponent(code)}`;
