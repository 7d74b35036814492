/** The one function that turns a password into bytes: argon2id, in WebAssembly. A hash blocks the isolate for some 40 ms. */
import simdWasm from "argon2id/dist/simd.wasm";
import type { computeHash } from "argon2id/lib/setup.js";
import setUp from "argon2id/lib/setup.js";

/** `memorySize` is in KiB. */
export type Cost = { memorySize: number; passes: number; parallelism: number };

/** The wasm instance keeps 65 MB of memory, so an isolate has one. */
let hasher: computeHash | undefined;

/** Returns `bytes` bytes. */
export async function argon2id(password: string, salt: Uint8Array, cost: Cost, bytes: number): Promise<Uint8Array> {
  const instantiate = async (imports: WebAssembly.Imports) => ({
    instance: await WebAssembly.instantiate(simdWasm, imports),
  });
  // workerd always has SIMD, so there is no second module to fall back to.
  hasher ??= await setUp(instantiate, instantiate);
  return hasher({ password: new TextEncoder().encode(password), salt, tagLength: bytes, ...cost });
}
