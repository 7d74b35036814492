import decode from "qr/decode.js";
import { describe, expect, test } from "vitest";
import {
  codeFault,
  curlExample,
  fewCodesWords,
  scopeWords,
  signInWords,
  sshKeyFile,
} from "../../../web/identity/credential-words.ts";
import { deviceOf } from "../../../web/identity/device.ts";
import { qrOf } from "../../../web/identity/qr.ts";

describe("what a browser says it is", () => {
  const mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit";
  const windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)";
  const android = "Mozilla/5.0 (Linux; Android 16; Pixel 10) AppleWebKit/537.36 (KHTML, like Gecko)";
  const iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 26_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)";
  const linux = "Mozilla/5.0 (X11; Linux x86_64";
  test.each([
    ["Firefox on Linux", `${linux}; rv:145.0) Gecko/20100101 Firefox/145.0`],
    ["Firefox on Android", "Mozilla/5.0 (Android 16; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0"],
    ["Firefox on an iPhone", `${iphone} FxiOS/145.0 Mobile/15E148 Safari/605.1.15`],
    ["Chrome on Windows", `${windows} Chrome/142.0.0.0 Safari/537.36`],
    ["Chrome on Linux", `${linux}) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/142.0.0.0 Safari/537.36`],
    ["Chrome on an iPhone", `${iphone} CriOS/142.0.7444.77 Mobile/15E148 Safari/604.1`],
    [
      "Chrome on ChromeOS",
      "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    ],
    ["Edge on Windows", `${windows} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0`],
    ["Opera on Windows", `${windows} Chrome/142.0.0.0 Safari/537.36 OPR/125.0.0.0`],
    ["Samsung Internet on Android", `${android} SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36`],
    ["Safari on macOS", `${mac}/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15`],
    ["Safari on an iPhone", `${iphone} Version/26.1 Mobile/15E148 Safari/604.1`],
    [
      "Safari on an iPad",
      "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    ],
    ["A browser on Linux", "Mozilla/5.0 (X11; Linux x86_64) Ladybird/1.0"],
    ["A browser", "curl/8.14.1"],
    ["A browser", ""],
    ["A browser", null],
  ])("%s", (words, userAgent) => {
    expect(deviceOf(userAgent)).toBe(words);
  });
});

/** Paints the bars of a path, `scale` pixels a module, as RGBA. */
function painted({ size, path }: ReturnType<typeof qrOf>, scale = 4) {
  const width = size * scale;
  const data = new Uint8Array(width * width * 4).fill(255);
  for (const [, x, y, length] of path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g)) {
    for (let row = Number(y) * scale; row < (Number(y) + 1) * scale; row += 1) {
      const from = row * width + Number(x) * scale;
      for (let at = from; at < from + Number(length) * scale; at += 1) data.fill(0, at * 4, at * 4 + 3);
    }
  }
  return { width, height: width, data };
}

test("a QR code is read as the text it was made of", () => {
  const uri = "otpauth://totp/Sluice:ada?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Sluice";
  expect(decode(painted(qrOf(uri)))).toBe(uri);
});

describe("codes", () => {
  test("that are wrong are told from other refusals", () => {
    expect(codeFault({ code: "totp_invalid", fields: {} })).toBe("The code is not right, or was used already");
    expect(codeFault({ code: "invalid_request", fields: { code: "is too long" } })).toBe("The code is too long");
    expect(codeFault({ code: "rate_limited", fields: {} })).toBeNull();
  });

  test("that are kept for later are asked about when few are left", () => {
    expect(fewCodesWords(3)).toBeNull();
    expect(fewCodesWords(2)).toMatch(/^2 backup codes are left\. /);
    expect(fewCodesWords(1)).toMatch(/^One backup code is left\. /);
    expect(fewCodesWords(0)).toMatch(/^No backup code is left\. .* ten new ones\.$/);
  });
});

test.each([
  ["bad_credentials", 401, 0, false, "The username or the password is wrong."],
  ["totp_invalid", 401, 0, false, "That code is not right, or was used already. A new one comes every 30 seconds."],
  ["totp_invalid", 401, 0, true, "That backup code is not right, or was used already."],
  ["rate_limited", 429, 90, false, "Too many attempts. Try again in 90 s."],
  ["rate_limited", 429, 0, false, "You can try again now."],
  ["internal", 500, 0, false, "what the API says"],
])("signing in, refused for %s (%i, %i s, by a backup code: %s)", (code, status, wait, byBackupCode, words) => {
  expect(signInWords({ status, code, message: "what the API says" }, wait, byBackupCode)).toBe(words);
});

describe("keys", () => {
  test("say what they may do", () => {
    expect(scopeWords("*")).toBe("may do everything");
    expect(scopeWords("services:read,access:*")).toBe("acts as an ordinary user");
    expect(scopeWords("services:read,access:nas")).toBe("only services:read, access:nas");
  });

  test("are tried by a command", () => {
    expect(curlExample("https://sluice.test", "portal_9f")).toBe(
      "curl https://sluice.test/api/me -H 'Authorization: Bearer portal_9f'",
    );
  });

  test.each([
    ["My laptop", "id_ed25519_my-laptop"],
    ["Büro/../etc", "id_ed25519_buro-etc"],
    [" -- ", "id_ed25519"],
    ["日本", "id_ed25519"],
  ])("of SSH, named %j, are kept as %s", (name, file) => {
    expect(sshKeyFile({ name, key_type: "ed25519" })).toBe(file);
  });
});
