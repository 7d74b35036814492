/**
 * Keys that people hold: a prefix that says what it opens, then random bytes whose last four are a checksum. A mistyped
 * key is refused without a look-up.
 *
 * In base64url without padding: `live_` + 32 characters = 24 bytes, `pub_` + 22 = 16 bytes, `sk_` + 43 = 32 bytes. In
 * hexadecimal: `portal_` + 64 characters = 32 bytes. Checksum: CRC-32 (ISO-HDLC, as in zlib), big-endian, over the
 * prefix in ASCII followed by the random bytes.
 */
import { fromBase64url, toBase64url } from "./base64url.ts";

type Text = { encode(bytes: Uint8Array): string; decode(text: string): Uint8Array | null };

const BASE64URL: Text = { encode: toBase64url, decode: fromBase64url };
const HEX: Text = {
  encode: (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(""),
  decode: (text) => {
    if (!/^([0-9a-f]{2})*$/.test(text)) return null;
    return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  },
};

const CHECKSUM_BYTES = 4;
const KEYS = {
  live_: { random_bytes: 20, text: BASE64URL },
  pub_: { random_bytes: 12, text: BASE64URL },
  sk_: { random_bytes: 28, text: BASE64URL },
  portal_: { random_bytes: 28, text: HEX },
} as const satisfies Record<string, { random_bytes: number; text: Text }>;

export type KeyPrefix = keyof typeof KEYS;
const PREFIXES = Object.keys(KEYS) as KeyPrefix[];

const encoder = new TextEncoder();

export function newKey(prefix: KeyPrefix, random: (bytes: Uint8Array<ArrayBuffer>) => void = fillRandom): string {
  const { random_bytes, text } = KEYS[prefix];
  const bytes = new Uint8Array(random_bytes + CHECKSUM_BYTES);
  const secret = bytes.subarray(0, random_bytes);
  random(secret);
  new DataView(bytes.buffer).setUint32(secret.length, checksum(prefix, secret));
  return prefix + text.encode(bytes);
}

/** The key's prefix when it is well formed and its checksum is right, else null. */
export function keyPrefix(key: string): KeyPrefix | null {
  const prefix = PREFIXES.find((candidate) => key.startsWith(candidate));
  if (!prefix) return null;
  const { random_bytes, text } = KEYS[prefix];
  const written = key.slice(prefix.length);
  const bytes = text.decode(written);
  if (bytes?.length !== random_bytes + CHECKSUM_BYTES) return null;
  // Spare bits of the last character would make several spellings of one key.
  if (text.encode(bytes) !== written) return null;
  const secret = bytes.subarray(0, random_bytes);
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(secret.length) === checksum(prefix, secret)
    ? prefix
    : null;
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
