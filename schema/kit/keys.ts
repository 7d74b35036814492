/**
 * Keys that people hold: a prefix that says what it opens, then base64url without padding of random bytes whose last
 * four are a checksum. A mistyped key is refused without a look-up.
 *
 * `live_` + 32 characters = 24 bytes: 20 random, 4 checksum. `pub_` + 22 characters = 16 bytes: 12 random, 4 checksum.
 * Checksum: CRC-32 (ISO-HDLC, as in zlib), big-endian, over the prefix in ASCII followed by the random bytes.
 */
import { fromBase64url, toBase64url } from "./base64url.ts";

const RANDOM_BYTES = { live_: 20, pub_: 12 } as const;
const CHECKSUM_BYTES = 4;

export type KeyPrefix = keyof typeof RANDOM_BYTES;
const PREFIXES = Object.keys(RANDOM_BYTES) as KeyPrefix[];

const encoder = new TextEncoder();

export function newKey(prefix: KeyPrefix, random: (bytes: Uint8Array<ArrayBuffer>) => void = fillRandom): string {
  const bytes = new Uint8Array(RANDOM_BYTES[prefix] + CHECKSUM_BYTES);
  const secret = bytes.subarray(0, RANDOM_BYTES[prefix]);
  random(secret);
  new DataView(bytes.buffer).setUint32(secret.length, checksum(prefix, secret));
  return prefix + toBase64url(bytes);
}

/** The key's prefix when it is well formed and its checksum is right, else null. */
export function keyPrefix(key: string): KeyPrefix | null {
  const prefix = PREFIXES.find((candidate) => key.startsWith(candidate));
  if (!prefix) return null;
  const text = key.slice(prefix.length);
  const bytes = fromBase64url(text);
  if (bytes?.length !== RANDOM_BYTES[prefix] + CHECKSUM_BYTES) return null;
  // Spare bits of the last character would make several spellings of one key.
  if (toBase64url(bytes) !== text) return null;
  const secret = bytes.subarray(0, RANDOM_BYTES[prefix]);
  return new DataView(bytes.buffer).getUint32(secret.length) === checksum(prefix, secret) ? prefix : null;
}

/** SHA-256 in base64url: what a key is stored and looked up as. Keys have too much entropy for a slow hash to help. */
export async function hashKey(key: string): Promise<string> {
  return toBase64url(new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(key))));
}

function checksum(prefix: string, secret: Uint8Array): number {
  return crc32(secret, crc32(encoder.encode(prefix)));
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** CRC-32 of `bytes`; `before` continues one of the bytes that came before them. */
export function crc32(bytes: Uint8Array, before = 0): number {
  let crc = ~before;
  for (const byte of bytes) crc = (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return ~crc >>> 0;
}

function fillRandom(bytes: Uint8Array<ArrayBuffer>): void {
  crypto.getRandomValues(bytes);
}
