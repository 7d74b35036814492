import { describe, expect, test } from "vitest";
import { RegisterRequest } from "#contract/identity";
import { newPassword } from "../../../web/admin/new-password.ts";
import { endedWords, inviteLink, oneOf, usesWords } from "../../../web/admin/words.ts";
import { ApiFailure, isSignedOut } from "../../../web/api/failure.ts";
import { registrationFaults } from "../../../web/identity/registration-faults.ts";
import { endWords, sessionName, waitWords } from "../../../web/identity/words.ts";
import { faultsOf, sentence } from "../../../web/ui/field-faults.ts";

const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
const NOW = Date.parse("2026-11-28T12:00:00Z");

describe("invite codes", () => {
  const code = { is_active: false, expires_at: null, max_uses: null, use_count: 0 };
  test.each([
    ["one that lets somebody in", { is_active: true }, null],
    ["a single one that was used", { max_uses: 1, use_count: 1 }, "Used up"],
    ["one whose time is over", { expires_at: "2026-11-28T11:59:59Z" }, "Expired"],
    ["one that somebody closed", { expires_at: "2026-11-29T00:00:00Z" }, "Deactivated"],
  ] as const)("%s", (_name, fields, words) => {
    expect(endedWords({ ...code, ...fields }, NOW)).toBe(words);
  });

  test("say how often they were used", () => {
    expect(usesWords({ use_count: 0, max_uses: null })).toBe("Not used yet");
    expect(usesWords({ use_count: 1, max_uses: 1 })).toBe("Used");
    expect(usesWords({ use_count: 1, max_uses: null })).toBe("Used once");
    expect(usesWords({ use_count: 12, max_uses: null })).toBe("Used 12 times");
  });

  test("are carried by a link", () => {
    expect(inviteLink({ code: "PORTAL-A B" }, "https://sluice.test")).toBe(
      "https://sluice.test/register?code=PORTAL-A%20B",
    );
  });
});

test("a generated password fits the rules, has no characters that look alike, and is another each time", () => {
  const all = Array.from({ length: 200 }, newPassword);
  for (const password of all) expect(password).toMatch(/^[a-km-np-z2-9]{4}(-[a-km-np-z2-9]{4}){3}$/);
  expect(new Set(all).size).toBe(200);
});

test("roles have their articles", () => {
  expect([oneOf("admin"), oneOf("superadmin")]).toEqual(["an admin", "a superadmin"]);
});

describe("sessions", () => {
  test("have their own name, or that of their kind", () => {
    expect(sessionName({ name: "laptop", kind: "token", user_agent: "curl/8.14.1" })).toBe("laptop");
    expect(sessionName({ name: null, kind: "cookie", user_agent: null })).toBe("A browser");
    expect(sessionName({ name: null, kind: "cookie", user_agent: FIREFOX })).toBe("Firefox on Linux");
    expect(sessionName({ name: "", kind: "token", user_agent: "curl/8.14.1" })).toBe("API token");
  });
  test("end by being revoked or by themselves", () => {
    const expires_at = "2026-11-28T12:00:01Z";
    expect(endWords({ revoked: false, expires_at }, NOW)).toBeNull();
    expect(endWords({ revoked: true, expires_at }, NOW)).toBe("Revoked");
    expect(endWords({ revoked: false, expires_at: "2026-11-28T12:00:00Z" }, NOW)).toBe("Expired");
    // A key without an end.
    expect(endWords({ revoked: false, expires_at: null }, NOW)).toBeNull();
  });
});

test.each([
  [0.4, "1 s"],
  [99, "99 s"],
  [100, "2 min"],
  [86_400, "24 h"],
])("a wait of %d s is %j, never less than it is", (seconds, words) => {
  expect(waitWords(seconds)).toBe(words);
});

describe("what is wrong with a form", () => {
  test("is the first fault of each field", () => {
    const faults = faultsOf(RegisterRequest, { username: "a b", password: "short", invite_code: "" });
    expect(faults).toEqual({
      username: "must be 3 to 30 letters, digits, _ or -",
      password: "must have at least 8 characters",
      invite_code: "is required",
    });
    expect(sentence("The username", faults.username)).toBe("The username must be 3 to 30 letters, digits, _ or -");
    expect(sentence("The username", undefined)).toBeNull();
  });

  test("of a refusal belongs to the field it is about, and says what to do", () => {
    expect(registrationFaults({ code: "bad_invite_code", fields: {} }).invite_code).toContain("ask for a new one");
    expect(registrationFaults({ code: "invalid_request", fields: { username: "is taken" } })).toEqual({
      username: "is taken. Choose another one.",
    });
    expect(registrationFaults({ code: "rate_limited", fields: {} })).toEqual({});
  });
});

test("whoever mistypes the password or a code is signed in all the same", () => {
  const refusal = (code: string | undefined) => new ApiFailure({ kind: "refused", status: 401, message: "no", code });
  expect(isSignedOut(refusal("bad_credentials"))).toBe(false);
  expect(isSignedOut(refusal("totp_invalid"))).toBe(false);
  expect(isSignedOut(refusal("totp_required"))).toBe(false);
  expect(isSignedOut(refusal("unauthenticated"))).toBe(true);
  expect(isSignedOut(refusal(undefined))).toBe(true);
});
