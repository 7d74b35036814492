/**
 * Passwords: argon2id, 19 MiB, 2 passes, 1 lane (OWASP's first choice), kept as PHC strings. One hash blocks the
 * isolate for about 40 ms: callers are rate-limited before they get here.
 */
import simdWasm from "argon2id/dist/simd.wasm";
import type { computeHash } from "argon2id/lib/setup.js";
import setUp from "argon2id/lib/setup.js";

const MEMORY_KIB = 19_456;
const PASSES = 2;
const LANES = 1;
const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** Of no password: an account that does not exist costs the same hash as one that does. */
const NOBODY = `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$AAAAAAAAAAAAAAAAAAAAAA$${"A".repeat(43)}`;
const PHC = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/** The wasm instance keeps 65 MB of memory, so an isolate has one. */
let hasher: computeHash | undefined;

export async function hashPassword(password: string): Promise<string> {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const hash = await compute(password, salt, { memorySize: MEMORY_KIB, passes: PASSES, parallelism: LANES });
  return `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${toBase64(salt)}$${toBase64(hash)}`;
}

/** `stored` is null when there is no such account; the answer is then no, after exactly as much work. */
export async function verifyPassword(stored: string | null, password: string): Promise<boolean> {
  const match = PHC.exec(stored ?? NOBODY);
  if (!match) throw new Error("a stored password hash is not readable");
  const [, memory, passes, lanes, salt = "", expected = ""] = match;
  const cost = { memorySize: Number(memory), passes: Number(passes), parallelism: Number(lanes) };
  const hash = await compute(password, fromBase64(salt), cost);
  const wanted = fromBase64(expected);
  const equal = wanted.length === hash.length && crypto.subtle.timingSafeEqual(wanted, hash);
  return equal && stored !== null;
}

type Cost = { memorySize: number; passes: number; parallelism: number };

async function compute(password: string, salt: Uint8Array, cost: Cost): Promise<Uint8Array> {
  const instantiate = async (imports: WebAssembly.Imports) => ({
    instance: await WebAssembly.instantiate(simdWasm, imports),
  });
  // workerd always has SIMD, so there is no second module to fall back to.
  hasher ??= await setUp(instantiate, instantiate);
  return hasher({ password: new TextEncoder().encode(password), salt, tagLength: HASH_BYTES, ...cost });
}

const toBase64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes)).replace(/=+$/, "");
const fromBase64 = (text: string) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
