/**
 * Messages at rest: AES-256-GCM under a key of their room, derived by HKDF-SHA256 (RFC 5869). Sealed bytes are the
 * version of the master key (1), 12 bytes of nonce, ciphertext, and a tag of 16 bytes. Synchronous, unlike WebCrypto: a
 * room numbers, seals and writes a message in one transaction.
 */
import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";

const VERSION = 1;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export type RoomSeal = { seal(text: string): Uint8Array; open(sealed: Uint8Array | ArrayBuffer): string };

/** `open` throws when the bytes were sealed for another room, under another secret, or were changed. */
export function roomSeal(secret: string, room: number): RoomSeal {
  const purpose = `chat room v1:${room}`;
  const key = new Uint8Array(hkdfSync("sha256", secret, "sluice", purpose, 32));
  const bound = encoder.encode(purpose);
  return {
    seal(text) {
      const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
      const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(bound);
      const parts = [new Uint8Array([VERSION]), iv, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()];
      const sealed = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
      let at = 0;
      for (const part of parts) {
        sealed.set(part, at);
        at += part.length;
      }
      return sealed;
    },
    open(sealed) {
      const bytes = new Uint8Array(sealed);
      if (bytes[0] !== VERSION || bytes.length < 1 + IV_BYTES + TAG_BYTES) throw new Error("not a sealed message");
      const iv = bytes.subarray(1, 1 + IV_BYTES);
      const body = bytes.subarray(1 + IV_BYTES, -TAG_BYTES);
      const opener = createDecipheriv("aes-256-gcm", key, iv).setAAD(bound).setAuthTag(bytes.subarray(-TAG_BYTES));
      const text = decoder.decode(opener.update(body), { stream: true });
      return text + decoder.decode(opener.final());
    },
  };
}
