import { describe, expect, test } from "vitest";
import { entryAddress, nextPage, signInAddress } from "../../../web/identity/next-page.ts";

const ORIGIN = "https://sluice.test";
const next = (value: string) => nextPage(`?next=${encodeURIComponent(value)}`, ORIGIN);

describe("after signing in", () => {
  test("one is back where one was, query and fragment included", () => {
    expect(next("/watch/pub_abc?t=3#chat")).toBe("/watch/pub_abc?t=3#chat");
  });

  test.each([
    "//evil.test",
    "/\\evil.test",
    "\\\\evil.test",
    "https://evil.test/",
    "/\t/evil.test",
    "/.//evil.test",
    "/watch/..//evil.test",
    "/%2e%2e//evil.test",
    "javascript:alert(1)",
    "evil",
    "",
    "/login",
    "/login?next=/login",
    "/register",
    "/register?code=PORTAL-0123-4567-89AB",
  ])("%j leads to one's own streams instead", (value) => {
    expect(next(value)).toBe("/streams");
  });

  test("nothing asked for leads to one's own streams", () => {
    expect(nextPage("", ORIGIN)).toBe("/streams");
  });
});

describe("the address of the sign-in page", () => {
  test("carries the page it was asked from", () => {
    expect(signInAddress({ pathname: "/watch/1", search: "?a=b&c" })).toBe("/login?next=%2Fwatch%2F1%3Fa%3Db%26c");
  });
  test("carries nothing from the start page and from itself", () => {
    expect(signInAddress({ pathname: "/", search: "" })).toBe("/login");
    expect(signInAddress({ pathname: "/login", search: "?next=/streams" })).toBe("/login");
  });
  test("the one to register at and the one to sign in at lead on to the same page", () => {
    expect(entryAddress("/register", "?next=%2Fwatch%2F1%3Fa%3Db")).toBe("/register?next=%2Fwatch%2F1%3Fa%3Db");
    expect(entryAddress("/register", "")).toBe("/register");
    const search = "?code=PORTAL-0123&next=%2Fchat";
    expect(signInAddress({ pathname: "/register", search })).toBe("/login?next=%2Fchat&code=PORTAL-0123");
    expect(entryAddress("/register", "?next=%2Fchat&code=PORTAL-0123&magic=once")).toBe(
      "/register?next=%2Fchat&code=PORTAL-0123",
    );
  });
});
