/** An authenticator app, and accounts that have one. */
import { Secret, TOTP } from "otpauth";
import { onTestFinished, vi } from "vitest";
import { call, newAddress, newUser } from "./client.ts";

export const STEP_MS = 30_000;

/** Stops the clock in the middle of a half minute: no code runs out while a test looks the other way. */
export function stopClock(): void {
  vi.setSystemTime(Math.floor(Date.now() / STEP_MS) * STEP_MS + STEP_MS / 2);
  onTestFinished(() => void vi.useRealTimers());
}

/** The code of a secret in base32, now or so many milliseconds from now. */
export const codeOf = (secret: string, in_ms = 0): string =>
  new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: Date.now() + in_ms });

/** Each as another client, so that no limit is met. */
export const elsewhere = () => ({ "cf-connecting-ip": newAddress() });

/** Somebody with it turned on while the clock stands, by the code of the last half minute: the one of now has not been used. */
export async function newGuardedUser() {
  const user = await newUser();
  const { body: factor } = await call("POST", "/api/user/2fa/setup", { token: user.token });
  const on = await call("POST", "/api/user/2fa/verify", {
    token: user.token,
    headers: elsewhere(),
    body: { code: codeOf(factor.secret, -STEP_MS) },
  });
  return { ...user, secret: factor.secret as string, codes: on.body.backup_codes as string[] };
}
export type GuardedUser = Awaited<ReturnType<typeof newGuardedUser>>;
