/** What is said of the second factor and of keys. Pure. */
import type { SshKey, SshKeyType } from "../api/credentials.ts";
import type { ApiFailure } from "../api/failure.ts";
import { sentence } from "../ui/field-faults.ts";
import { waitWords } from "./words.ts";

type Refusal = Pick<ApiFailure, "code" | "fields">;

/** What is wrong with a code of the second factor; null when the refusal is about something else. */
export const codeFault = ({ code, fields }: Refusal): string | null =>
  code === "totp_invalid" ? "The code is not right, or was used already" : sentence("The code", fields.code);

/** Fewer are a reason to get new ones while one still can. */
const FEW_CODES = 2;

/** What to say of the backup codes that are left; null while there are enough. */
export function fewCodesWords(left: number): string | null {
  if (left > FEW_CODES) return null;
  const are =
    left === 0 ? "No backup code is left" : left === 1 ? "One backup code is left" : `${left} backup codes are left`;
  return `${are}. Turn two-factor off and on again to get ten new ones.`;
}

/** Why signing in was refused. `wait`: seconds until another attempt is taken. */
export function signInWords(
  { status, code, message }: Pick<ApiFailure, "status" | "code" | "message">,
  wait: number,
  byBackupCode: boolean,
): string {
  if (code === "bad_credentials") return "The username or the password is wrong.";
  if (code === "totp_invalid") {
    return byBackupCode
      ? "That backup code is not right, or was used already."
      : "That code is not right, or was used already. A new one comes every 30 seconds.";
  }
  if (status !== 429) return message;
  return wait > 0 ? `Too many attempts. Try again in ${waitWords(wait)}.` : "You can try again now.";
}

/** Of an API key that may do all that its account may. */
export const ALL_SCOPES = "*";
/** Of a key of somebody who is no admin, always. */
export const USER_SCOPES = "services:read,access:*";

/** What an API key may do. */
export function scopeWords(scopes: string): string {
  if (scopes === ALL_SCOPES) return "may do everything";
  return scopes === USER_SCOPES ? "acts as an ordinary user" : `only ${scopes.replaceAll(",", ", ")}`;
}

/** A command to try an API key by. */
export const curlExample = (origin: string, key: string): string =>
  `curl ${origin}/api/me -H 'Authorization: Bearer ${key}'`;

export const SSH_KEY_TYPES: Record<SshKeyType, { label: string; explained: string }> = {
  ed25519: { label: "Ed25519", explained: "Short and fast. Nearly every server knows it." },
  rsa: { label: "RSA", explained: "For servers that are too old for the other." },
};

/** The file of a private key, told apart from others by its name: `id_ed25519_my-laptop`. */
export function sshKeyFile({ name, key_type }: Pick<SshKey, "name" | "key_type">): string {
  const slug = name
    .normalize("NFKD")
    .toLowerCase()
    .replace(/\p{M}/gu, "")
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
  return `id_${key_type}${slug && `_${slug}`}`;
}
