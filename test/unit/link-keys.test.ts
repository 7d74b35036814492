import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromBase64url, toBase64url } from "#kit/base64url";
import { currentKey, linkKey, linkKeys, linkPeriod } from "#kit/link-keys";
import { mintPathToken, newViewerId, verifyPathToken } from "#kit/path-token";
import { signRequest, verifyRequest } from "#kit/request-signature";

const SECRET = "unit-test-secret-unit-test-secret-0123456789";
const NOW = Date.UTC(2026, 10, 21, 12);
const DAY = 24 * 3600 * 1000;

describe("base64url", () => {
  it("round-trips any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(fromBase64url(toBase64url(bytes))).toEqual(new Uint8Array(bytes));
      }),
    );
  });
  it("refuses what is not base64url", () => {
    for (const text of ["a", "a+b/", "ab==", "a b ", "ä"]) expect(fromBase64url(text)).toBeNull();
  });
});

describe("link keys", () => {
  it("differ by use, worker and day, and are the same each time", async () => {
    const base = await linkKey(SECRET, "path", "w1", 5);
    expect(await linkKey(SECRET, "path", "w1", 5)).toEqual(base);
    const others = await Promise.all([
      linkKey(SECRET, "request", "w1", 5),
      linkKey(SECRET, "path", "w2", 5),
      linkKey(SECRET, "path", "w1", 6),
      linkKey(`${SECRET}x`, "path", "w1", 5),
    ]);
    expect(new Set([base, ...others].map((key) => key.secret)).size).toBe(5);
  });
  it("come as previous, current and next day", async () => {
    const keys = await linkKeys(SECRET, "w1", NOW);
    expect(keys.path.map((key) => key.kid)).toEqual([-1, 0, 1].map((step) => linkPeriod(NOW) + step));
    expect(currentKey(keys.path, NOW).kid).toBe(linkPeriod(NOW));
    const tomorrow = await linkKeys(SECRET, "w1", NOW + DAY);
    expect(tomorrow.request[0]).toEqual(keys.request[1]);
  });
  it("refuse a short secret", async () => {
    await expect(linkKey("short", "path", "w1", 5)).rejects.toThrow(/32 bytes/);
  });
});

describe("request signature", () => {
  it("is bound to method, path, query and time", async () => {
    const { request } = await linkKeys(SECRET, "w1", NOW);
    const path = "/live/7/source.m3u8?_HLS_msn=3";
    const header = await signRequest(currentKey(request, NOW), "GET", path, NOW);
    expect(await verifyRequest(request, header, "GET", path, NOW)).toBe(true);
    expect(await verifyRequest(request, header, "HEAD", path, NOW)).toBe(false);
    expect(await verifyRequest(request, header, "GET", "/live/8/source.m3u8?_HLS_msn=3", NOW)).toBe(false);
    expect(await verifyRequest(request, header, "GET", "/live/7/source.m3u8", NOW)).toBe(false);
    expect(await verifyRequest(request, header, "GET", path, NOW + 61_000)).toBe(false);
  });
  it("is taken over a change of day, and not from another worker's key", async () => {
    const before = await linkKeys(SECRET, "w1", NOW);
    const after = await linkKeys(SECRET, "w1", NOW + DAY);
    const header = await signRequest(currentKey(before.request, NOW), "GET", "/live/7/index.m3u8", NOW);
    expect(await verifyRequest(after.request, header, "GET", "/live/7/index.m3u8", NOW)).toBe(true);
    const other = await linkKeys(SECRET, "w2", NOW);
    expect(await verifyRequest(other.request, header, "GET", "/live/7/index.m3u8", NOW)).toBe(false);
  });
  it("refuses any text that is not one", async () => {
    const { request } = await linkKeys(SECRET, "w1", NOW);
    for (const header of [null, undefined, "", ".", "1.2.3", "a.b.c", `${linkPeriod(NOW)}.9999999999.AAAA`]) {
      expect(await verifyRequest(request, header, "GET", "/", NOW)).toBe(false);
    }
  });
});

describe("path token", () => {
  const claims = { stream_id: 7, generation: 3, viewer: "abcDEF-_0123", expires: NOW / 1000 + 3600 };

  it("carries its claims until it expires", async () => {
    const { path } = await linkKeys(SECRET, "edge", NOW);
    const token = await mintPathToken(currentKey(path, NOW), claims);
    expect(token).toMatch(/^[A-Za-z0-9._-]+$/);
    expect(await verifyPathToken(path, token, NOW)).toEqual(claims);
    expect(await verifyPathToken(path, token, NOW + 3_601_000)).toBeNull();
    const next = await linkKeys(SECRET, "edge", NOW + DAY);
    expect(await verifyPathToken(next.path, token, NOW)).toEqual(claims);
  });
  it("is refused after any change of one character", async () => {
    const { path } = await linkKeys(SECRET, "edge", NOW);
    const token = await mintPathToken(currentKey(path, NOW), claims);
    const signatureFrom = token.lastIndexOf(".") + 1;
    await fc.assert(
      fc.asyncProperty(
        // The last character of 32 bytes in base64 carries two unused bits.
        fc.nat(token.length - 2),
        fc.constantFrom(..."ABCabc019-_.%/"),
        async (at, character) => {
          fc.pre(token[at] !== character);
          const forged = token.slice(0, at) + character + token.slice(at + 1);
          expect(await verifyPathToken(path, forged, NOW)).toBeNull();
        },
      ),
    );
    expect(await verifyPathToken(path, token.slice(0, signatureFrom), NOW)).toBeNull();
    expect(await verifyPathToken(path, "x".repeat(100_000), NOW)).toBeNull();
  });
  it("holds only together with the text it is bound to", async () => {
    const { path } = await linkKeys(SECRET, "edge", NOW);
    const token = await mintPathToken(currentKey(path, NOW), claims, "pub_a");
    expect(await verifyPathToken(path, token, NOW, "pub_a")).toEqual(claims);
    expect(await verifyPathToken(path, token, NOW, "pub_b")).toBeNull();
    expect(await verifyPathToken(path, token, NOW)).toBeNull();
  });
  it("makes viewer ids that do not repeat", async () => {
    expect(new Set(Array.from({ length: 1000 }, newViewerId)).size).toBe(1000);
    expect(newViewerId()).toMatch(/^[A-Za-z0-9_-]{12}$/);
  });
});
