/**
 * Secrets at rest: AES-256-GCM. Sealed text is `1.<iv>.<ciphertext and tag>` in base64url, where 1 is the version of
 * the master key, so that a later version can open what this one sealed. The purpose is authenticated with it: a value
 * moved to a column of another purpose does not open.
 */
import { fromBase64url, toBase64url } from "#kit/base64url";
import type { Settings } from "./env.ts";
import { deriveKey } from "./secrets.ts";

const VERSION = "1";
const IV_BYTES = 12;
const encoder = new TextEncoder();

export type SealPurpose = "stream-key" | "totp-secret" | "connection-config" | "idempotent-reply";

export async function seal(settings: Settings, purpose: SealPurpose, plain: string): Promise<string> {
  const key = await deriveKey(settings, "seal v1");
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const sealed = await crypto.subtle.encrypt(
    { name: "AES-GCM", iv, additionalData: encoder.encode(purpose) },
    key,
    encoder.encode(plain),
  );
  return `${VERSION}.${toBase64url(iv)}.${toBase64url(new Uint8Array(sealed))}`;
}

/** Throws when the text was sealed for another purpose, under another secret, or was changed. */
export async function unseal(settings: Settings, purpose: SealPurpose, sealed: string): Promise<string> {
  const [version, iv, body] = sealed.split(".");
  const ivBytes = fromBase64url(iv ?? "");
  const bodyBytes = fromBase64url(body ?? "");
  if (version !== VERSION || ivBytes?.length !== IV_BYTES || !bodyBytes) throw new Error("not a sealed value");
  const key = await deriveKey(settings, "seal v1");
  const plain = await crypto.subtle.decrypt(
    { name: "AES-GCM", iv: ivBytes, additionalData: encoder.encode(purpose) },
    key,
    bodyBytes,
  );
  return new TextDecoder().decode(plain);
}
