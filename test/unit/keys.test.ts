import { crc32 as zlibCrc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toBase64url } from "../../schema/kit/base64url.ts";
import { crc32, hashKey, keyPrefix, newKey } from "../../schema/kit/keys.ts";

describe("keys", () => {
  test("have the documented lengths and characters", () => {
    expect(newKey("live_")).toMatch(/^live_[A-Za-z0-9_-]{32}$/);
    expect(newKey("pub_")).toMatch(/^pub_[A-Za-z0-9_-]{22}$/);
    expect(newKey("sk_")).toMatch(/^sk_[A-Za-z0-9_-]{43}$/);
    expect(newKey("portal_")).toMatch(/^portal_[0-9a-f]{64}$/);
    expect(new Set(Array.from({ length: 1000 }, () => newKey("pub_"))).size).toBe(1000);
  });

  test("the last four bytes are the CRC-32 of prefix and random bytes", () => {
    const random = new Uint8Array(12).fill(7);
    const key = newKey("pub_", (bytes) => bytes.set(random));
    const crc = new Uint8Array(4);
    new DataView(crc.buffer).setUint32(0, zlibCrc32(Buffer.concat([Buffer.from("pub_"), random])));
    expect(key).toBe(`pub_${toBase64url(Uint8Array.from([...random, ...crc]))}`);
    expect(keyPrefix(key)).toBe("pub_");
    const hex = newKey("portal_", (bytes) => bytes.fill(7));
    new DataView(crc.buffer).setUint32(0, zlibCrc32(Buffer.concat([Buffer.from("portal_"), Buffer.alloc(28, 7)])));
    expect(hex).toBe(`portal_${"07".repeat(28)}${Buffer.from(crc).toString("hex")}`);
    expect(keyPrefix(hex)).toBe("portal_");
  });

  test("every single wrong character is noticed", () => {
    for (const prefix of ["live_", "pub_", "sk_", "portal_"] as const) {
      const key = newKey(prefix);
      expect(keyPrefix(key)).toBe(prefix);
      const [one, another] = prefix === "portal_" ? ["a", "b"] : ["A", "B"];
      for (let at = prefix.length; at < key.length; at++) {
        const other = key[at] === one ? another : one;
        expect(keyPrefix(key.slice(0, at) + other + key.slice(at + 1)), `character ${at}`).toBeNull();
      }
    }
  });

  test.each([
    "",
    "live_",
    "pub_",
    "sk_0123456789abcdef",
    `live_${"A".repeat(32)}`,
    `pub_${"A".repeat(22)}`,
    `${newKey("live_")}A`,
    newKey("live_").slice(0, -1),
    ` ${newKey("live_")}`,
    newKey("live_").toUpperCase(),
    newKey("portal_", (bytes) => bytes.fill(0xab))
      .toUpperCase()
      .replace("PORTAL_", "portal_"),
    `portal_${"0".repeat(64)}`,
    newKey("portal_").slice(0, -1),
    `portal_${"g".repeat(64)}`,
    newKey("live_").replace("live_", "pub_"),
    newKey("pub_").replace("pub_", "live_"),
    `live_${"é".repeat(32)}`,
    "live_' OR 1=1 --",
    `live_${"A".repeat(1e6)}`,
  ])("refuses %.60s", (text) => {
    expect(keyPrefix(text)).toBeNull();
  });

  test("spare bits of the last character make no second spelling", () => {
    const key = newKey("pub_", (bytes) => bytes.fill(1));
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const accepted = [...alphabet].filter((last) => keyPrefix(key.slice(0, -1) + last));
    expect(accepted).toEqual([key.at(-1)]);
  });

  test("crc32 is zlib's, in one go or in pieces", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
        expect(crc32(b, crc32(a))).toBe(zlibCrc32(Buffer.concat([a, b])));
      }),
    );
  });

  test("are hashed by SHA-256", async () => {
    expect(await hashKey("abc")).toBe("ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
  });
});
