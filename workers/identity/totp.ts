/** Codes of an authenticator app (RFC 6238) as every app takes them: SHA-1, six digits, half a minute. */
import { Secret, TOTP } from "otpauth";

/** As long as the hash that it keys (RFC 4226 section 4). */
const SECRET_BYTES = 20;
const DIGITS = 6;
const CODE = /^\d{6}$/;
const PERIOD_S = 30;
/** Steps that a clock may be off, either way. */
const DRIFT = 1;

const FORM = { algorithm: "SHA1", digits: DIGITS, period: PERIOD_S };

/** Base32. */
export function newTotpSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  return new Secret({ buffer: bytes.buffer }).base32;
}

/** What the QR code says: `otpauth://totp/Sluice:ada?issuer=Sluice&secret=…`. */
export const provisioningUri = (issuer: string, username: string, secret: string): string =>
  new TOTP({ ...FORM, issuer, label: username, secret: Secret.fromBase32(secret) }).toString();

/** The time step that the code is of, in steps since 1970, or null: it is of none that counts at `now`, in UTC ms. */
export function totpStep(secret: string, code: string, now: number): number | null {
  if (!CODE.test(code)) return null;
  const key = Secret.fromBase32(secret);
  const off = TOTP.validate({ ...FORM, secret: key, token: code, timestamp: now, window: DRIFT });
  return off === null ? null : TOTP.counter({ period: PERIOD_S, timestamp: now }) + off;
}
