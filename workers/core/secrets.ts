/** Keys derived from `SLUICE_SECRET` by HKDF-SHA256 (RFC 5869): one secret to keep, no key used for two purposes. */
import type { Settings } from "./env.ts";

const encoder = new TextEncoder();

type Purpose = "seal v1" | "session tokens v1" | "vod tokens v1" | "look-ups v1";

/** Imported keys by secret and purpose. Holds keys, never promises: a promise must not be shared between requests. */
const derived = new WeakMap<Settings, Map<Purpose, CryptoKey>>();

const ALGORITHMS = {
  "seal v1": { algorithm: { name: "AES-GCM", length: 256 }, usages: ["encrypt", "decrypt"] },
  "session tokens v1": { algorithm: { name: "HMAC", hash: "SHA-256", length: 256 }, usages: ["sign", "verify"] },
  "vod tokens v1": { algorithm: { name: "HMAC", hash: "SHA-256", length: 256 }, usages: ["sign", "verify"] },
  "look-ups v1": { algorithm: { name: "HMAC", hash: "SHA-256", length: 256 }, usages: ["sign"] },
} as const satisfies Record<Purpose, { algorithm: object; usages: KeyUsage[] }>;

type KeyUsage = "encrypt" | "decrypt" | "sign" | "verify";

export async function deriveKey(settings: Settings, purpose: Purpose): Promise<CryptoKey> {
  const keys = derived.get(settings) ?? new Map<Purpose, CryptoKey>();
  const known = keys.get(purpose);
  if (known) return known;
  const base = await crypto.subtle.importKey("raw", encoder.encode(settings.secret), "HKDF", false, ["deriveKey"]);
  const { algorithm, usages } = ALGORITHMS[purpose];
  const key = await crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: encoder.encode("sluice"), info: encoder.encode(purpose) },
    base,
    algorithm,
    false,
    [...usages],
  );
  derived.set(settings, keys.set(purpose, key));
  return key;
}
