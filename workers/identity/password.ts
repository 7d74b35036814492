/**
 * Passwords: argon2id, 19 MiB, 2 passes, 1 lane (OWASP's first choice), kept as PHC strings. One hash blocks the
 * isolate for about 40 ms: callers are rate-limited before they get here. What keyboards spell differently and people
 * see as one password is one (RFC 8265 section 4.2).
 */
import { argon2id, type Cost } from "./argon2id.ts";

const COST: Cost = { memorySize: 19_456, passes: 2, parallelism: 1 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;

const PARAMETERS = `$argon2id$v=19$m=${COST.memorySize},t=${COST.passes},p=${COST.parallelism}`;
/** Of no password: an account that does not exist costs the same hash as one that does. */
const NOBODY = `${PARAMETERS}$AAAAAAAAAAAAAAAAAAAAAA$${"A".repeat(43)}`;
const PHC = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

export async function hashPassword(password: string): Promise<string> {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const hash = await argon2id(password.normalize("NFC"), salt, COST, HASH_BYTES);
  return `${PARAMETERS}$${toBase64(salt)}$${toBase64(hash)}`;
}

/** `stored` is null when there is no such account; the answer is then no, after exactly as much work. */
export async function verifyPassword(stored: string | null, password: string): Promise<boolean> {
  const match = PHC.exec(stored ?? NOBODY);
  if (!match) throw new Error("a stored password hash is not readable");
  const [, memory, passes, lanes, salt = "", expected = ""] = match;
  const cost = { memorySize: Number(memory), passes: Number(passes), parallelism: Number(lanes) };
  const hash = await argon2id(password.normalize("NFC"), fromBase64(salt), cost, HASH_BYTES);
  const wanted = fromBase64(expected);
  const equal = wanted.length === hash.length && crypto.subtle.timingSafeEqual(wanted, hash);
  return equal && stored !== null;
}

const toBase64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes)).replace(/=+$/, "");
const fromBase64 = (text: string) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
