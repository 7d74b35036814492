/** What is used of Node's crypto, which the runtime has: the types of Node itself would clash with the runtime's. */
declare module "node:crypto" {
  interface Cipher {
    setAAD(data: Uint8Array): this;
    update(data: string, encoding: "utf8"): Uint8Array;
    final(): Uint8Array;
    getAuthTag(): Uint8Array;
  }
  interface Decipher {
    setAAD(data: Uint8Array): this;
    setAuthTag(tag: Uint8Array): this;
    update(data: Uint8Array): Uint8Array;
    final(): Uint8Array;
  }
  export function createCipheriv(algorithm: "aes-256-gcm", key: Uint8Array, iv: Uint8Array): Cipher;
  export function createDecipheriv(algorithm: "aes-256-gcm", key: Uint8Array, iv: Uint8Array): Decipher;
  export function hkdfSync(digest: "sha256", key: string, salt: string, info: string, length: number): ArrayBuffer;
}
