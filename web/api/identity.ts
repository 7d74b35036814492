/** Sign-in, sign-out and who one is. */
import { z } from "zod";
import { isSignedOut } from "./failure.ts";
import { request } from "./request.ts";

const Me = z.object({
  id: z.number(),
  username: z.string(),
  nickname: z.string().nullish(),
  role: z.string(),
  is_admin: z.union([z.boolean(), z.number()]).transform(Boolean),
});
export type Me = z.infer<typeof Me>;

const LoginReply = z.discriminatedUnion("status", [
  z.object({ status: z.literal("logged_in"), user_id: z.number(), username: z.string() }),
  z.object({ status: z.literal("2fa_required"), message: z.string().optional() }),
]);
export type LoginReply = z.infer<typeof LoginReply>;

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

export const signIn = (credentials: Credentials): Promise<LoginReply> =>
  request("POST", "/login", LoginReply, credentials);

/** Revokes the session and clears the cookie; the redirect to the sign-in page is not followed. */
export async function signOut(): Promise<void> {
  await fetch("/logout", { redirect: "manual" });
}
