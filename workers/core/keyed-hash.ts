/** What is looked up but must not be read: addresses, and what people type as a name. */
import { toBase64url } from "#kit/base64url";
import type { Settings } from "./env.ts";
import { deriveKey } from "./secrets.ts";

/** HMAC-SHA256 in base64url, so that nobody finds out by trying without the secret. */
export async function keyedHash(settings: Settings, text: string): Promise<string> {
  const key = await deriveKey(settings, "look-ups v1");
  return toBase64url(new Uint8Array(await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(text))));
}
