import fc from "fast-check";
import { expect, test } from "vitest";
import { newTotpSecret, provisioningUri, totpStep } from "../../workers/identity/totp.ts";

/** `12345678901234567890`, the secret of RFC 6238, appendix B. */
const SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const STEP_MS = 30_000;

test.each([
  [59, "287082"],
  [1_111_111_109, "081804"],
  [1_111_111_111, "050471"],
  [1_234_567_890, "005924"],
  [2_000_000_000, "279037"],
  [20_000_000_000, "353130"],
])("at %i s the code is %s, as RFC 6238 has it", (seconds, code) => {
  expect(totpStep(SECRET, code, seconds * 1000)).toBe(Math.floor(seconds / 30));
});

test("a code holds one step before and after its own, and says which it is of", () => {
  const at = 1_234_567_890_000;
  const step = Math.floor(at / STEP_MS);
  for (const off of [-1, 0, 1]) expect(totpStep(SECRET, "005924", at + off * STEP_MS)).toBe(step);
  for (const off of [-2, 2]) expect(totpStep(SECRET, "005924", at + off * STEP_MS)).toBeNull();
});

test("nothing else is a code", () => {
  const at = 1_234_567_890_000;
  for (const text of ["", "5924", "05924", "0005924", "００５９２４", "00592A", "+05924", "005925"]) {
    expect(totpStep(SECRET, text, at)).toBeNull();
  }
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 12 }), (text) => totpStep(SECRET, text, 0) === null));
});

test("a new secret has 160 bits, and no two are alike", () => {
  const [one, two] = [newTotpSecret(), newTotpSecret()];
  expect(one).toMatch(/^[A-Z2-7]{32}$/);
  expect(one).not.toBe(two);
});

test("the QR code says all that an app needs, whatever the names are made of", () => {
  const uri = new URL(provisioningUri("Sluice & Söhne", "ada", SECRET));
  expect([uri.protocol, uri.host, decodeURIComponent(uri.pathname)]).toEqual([
    "otpauth:",
    "totp",
    "/Sluice & Söhne:ada",
  ]);
  expect(Object.fromEntries(uri.searchParams)).toEqual({
    issuer: "Sluice & Söhne",
    secret: SECRET,
    algorithm: "SHA1",
    digits: "6",
    period: "30",
  });
});
