/** HMAC-SHA256 with base64url signatures, on WebCrypto: the same code in the Worker and in Node. */
import { fromBase64url, toBase64url } from "./base64url.ts";

const encoder = new TextEncoder();

/** Named so because Node's types have no global `CryptoKey`. */
type HmacKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

/** Importing a key costs more than a signature, and few keys are in use at a time. Holds no promises. */
const IMPORTED_MAX = 64;
const imported = new Map<string, HmacKey>();

async function importKey(secret: string): Promise<HmacKey> {
  const known = imported.get(secret);
  if (known) return known;
  const bytes = fromBase64url(secret);
  if (!bytes || bytes.length < 32) throw new Error("an HMAC key must be at least 32 bytes of base64url");
  const key = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
  if (imported.size >= IMPORTED_MAX) imported.clear();
  imported.set(secret, key);
  return key;
}

/** `secret`: at least 32 bytes as base64url. */
export async function sign(secret: string, text: string): Promise<string> {
  const key = await importKey(secret);
  return toBase64url(new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(text))));
}

/** Compares in constant time. */
export async function verify(secret: string, text: string, signature: string): Promise<boolean> {
  const bytes = fromBase64url(signature);
  if (bytes?.length !== 32) return false;
  const key = await importKey(secret);
  return crypto.subtle.verify("HMAC", key, bytes, encoder.encode(text));
}
