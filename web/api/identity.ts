/** Registration, sign-in, sign-out, who one is, and one's sessions. */
import {
  AnonymousReply,
  type AvatarChange,
  AvatarReply,
  LoginReply,
  Me,
  NicknameReply,
  type PasswordChange,
  RegisterReply,
  type RegisterRequest,
  RevokeReply,
  SessionList,
  type StatusChange,
  StatusReply,
  Told,
} from "#contract/identity";
import { isSignedOut } from "./failure.ts";
import { request } from "./request.ts";

export type { AvatarChange, Me, PasswordChange, RegisterRequest, StatusChange };
export type Session = SessionList["tokens"][number];

/** By a password, or by the token of a link that was mailed. */
export type Credentials = ({ username: string; password: string } | { magic_token: string }) & {
  remember: boolean;
  totp_code?: string;
};

/** Null: signed out. */
export async function loadMe(signal?: AbortSignal): Promise<Me | null> {
  try {
    return await request("GET", "/api/me", Me, undefined, signal);
  } catch (error) {
    if (isSignedOut(error)) return null;
    throw error;
  }
}

export const signIn = (credentials: Credentials) => request("POST", "/login", LoginReply, credentials);

/** Revokes the session and clears the cookie; the redirect to the sign-in page is not followed. Throws when it did not. */
export async function signOut(): Promise<void> {
  const { type, status } = await fetch("/logout", { redirect: "manual" });
  if (type !== "opaqueredirect") throw new Error(`/logout answered ${status}`);
}

/** Makes the account; signing in to it comes after. */
export const register = (input: RegisterRequest) => request("POST", "/api/register", RegisterReply, input);

export const changePassword = (change: PasswordChange) => request("POST", "/api/me/password", Told, change);

export const changeNickname = (nickname: string | null) =>
  request("PUT", "/api/me/nickname", NicknameReply, { nickname });

export const changeStatus = (change: StatusChange) => request("PUT", "/api/me/status", StatusReply, change);

/** All of it: what is not named is no more. */
export const changeAvatar = (avatar: AvatarChange) => request("PUT", "/api/me/avatar", AvatarReply, avatar);

export const changeAnonymous = (anonymous: boolean) =>
  request("PUT", "/api/me/anonymous", AnonymousReply, { anonymous });

/** Newest first, with those that ended lately. */
export const loadSessions = async (signal?: AbortSignal) =>
  (await request("GET", "/api/tokens", SessionList, undefined, signal)).tokens;

export const revokeSession = (id: string) => request("POST", "/api/token/revoke", RevokeReply, { token_id: id });
