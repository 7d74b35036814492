/** Sign-in, sign-out and who one is. */
import { z } from "zod";
import { LoginReply, Me } from "#contract/identity";
import { isSignedOut } from "./failure.ts";
import { request } from "./request.ts";

export type { Me };

/** Documented for accounts with a second factor. */
const SecondFactorWanted = z.object({ status: z.literal("2fa_required"), message: z.string().optional() });
const SignInReply = z.discriminatedUnion("status", [LoginReply, SecondFactorWanted]);

export type Credentials = { username: string; password: string; remember: boolean; totp_code?: string };

/** Null: signed out. */
export async function loadMe(signal?: AbortSignal): Promise<Me | null> {
  try {
    return await request("GET", "/api/me", Me, undefined, signal);
  } catch (error) {
    if (isSignedOut(error)) return null;
    throw error;
  }
}

export const signIn = (credentials: Credentials) => request("POST", "/login", SignInReply, credentials);

/** Revokes the session and clears the cookie; the redirect to the sign-in page is not followed. */
export async function signOut(): Promise<void> {
  await fetch("/logout", { redirect: "manual" });
}
