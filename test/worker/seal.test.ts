import { describe, expect, test } from "vitest";
import { type Env, parseEnv, SettingsError } from "../../workers/core/env.ts";
import { redact } from "../../workers/core/log.ts";
import { seal, unseal } from "../../workers/core/seal.ts";
import { bindings } from "./client.ts";

const settings = parseEnv(bindings);

describe("sealed values", () => {
  test("open again, and no two look alike", async () => {
    const one = await seal(settings, "stream-key", "secret ✓");
    const two = await seal(settings, "stream-key", "secret ✓");
    expect(one).toMatch(/^1\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]+$/);
    expect(one).not.toBe(two);
    expect(await unseal(settings, "stream-key", one)).toBe("secret ✓");
  });

  test("do not open under another secret, for another purpose, or changed in any place", async () => {
    const sealed = await seal(settings, "stream-key", "secret");
    await expect(
      unseal({ ...settings, secret: "another secret of more than 32 bytes" }, "stream-key", sealed),
    ).rejects.toThrow();
    await expect(unseal(settings, "other" as "stream-key", sealed)).rejects.toThrow();
    for (let at = 0; at < sealed.length; at++) {
      const changed = `${sealed.slice(0, at)}${sealed[at] === "A" ? "B" : "A"}${sealed.slice(at + 1)}`;
      if (at !== sealed.length - 1) await expect(unseal(settings, "stream-key", changed), `at ${at}`).rejects.toThrow();
    }
    for (const text of ["", "1", "1..", "2.x.y", "nonsense"])
      await expect(unseal(settings, "stream-key", text)).rejects.toThrow();
  });
});

describe("settings", () => {
  const wrong = (changes: Record<string, unknown>) => {
    try {
      parseEnv({ ...bindings, ...changes } as Env);
    } catch (error) {
      return error instanceof SettingsError ? error.message : String(error);
    }
    return "accepted";
  };

  test.each([
    [{ SLUICE_SECRET: undefined }, "SLUICE_SECRET: is required"],
    [{ SLUICE_SECRET: "x".repeat(31) }, "SLUICE_SECRET: must be at least 32 bytes"],
    [{ SLUICE_PUBLIC_URL: "sluice.example" }, "SLUICE_PUBLIC_URL: must be an http:// or https:// URL"],
    [{ SLUICE_PUBLIC_URL: "https://sluice.example/path" }, "SLUICE_PUBLIC_URL: must be an http:// or https:// URL"],
    [{ SLUICE_RTMP_URL: "http://x" }, "SLUICE_RTMP_URL: must be an rtmp:// or rtmps:// URL"],
    [{ SLUICE_TRUST_PROXY: "maybe" }, "SLUICE_TRUST_PROXY: must be empty, cloudflare, or the number of proxies"],
    [{ RTMP_PLAIN_LIVE_KEYS: "yes" }, "RTMP_PLAIN_LIVE_KEYS: must be 0 or 1"],
    [{ PLAYBACK: "both" }, "PLAYBACK: must be edge or direct"],
    [{ STREAMHUB_ALLOW_SIGNUP: "yes" }, "STREAMHUB_ALLOW_SIGNUP: must be 0 or 1"],
    [{ SMTP_URL: "mail.example.com" }, "SMTP_URL: must be smtps://user:password@host:465 or smtp://"],
    [{ MAIL_FROM: "Sluice" }, "MAIL_FROM: must be an e-mail address"],
    [{ MAIL_FROM: "" }, "SMTP_URL: must be set together with MAIL_FROM and SLUICE_PUBLIC_URL"],
    [{ SLUICE_PUBLIC_URL: "" }, "SMTP_URL: must be set together with MAIL_FROM and SLUICE_PUBLIC_URL"],
    [{ DB: undefined, LIVE_STREAM: undefined }, "DB: the binding is missing; LIVE_STREAM: the binding is missing"],
  ])("%j is named", (changes, message) => {
    expect(wrong(changes)).toContain(message);
  });

  test("a secret is never in the message", () => {
    expect(wrong({ SLUICE_SECRET: "tooshort" })).not.toContain("tooshort");
    expect(wrong({ SMTP_URL: "smtp://me:secret%@mail.example.com" })).not.toContain("secret%");
  });

  test.each([
    ["smtps://me:p%40ss%3A@mail.example.com", "implicit", "mail.example.com", 465],
    ["smtp://me:p%40ss%3A@mail.example.com", "starttls", "mail.example.com", 587],
    ["smtp://me:p%40ss%3A@10.0.0.5:2525/", "starttls", "10.0.0.5", 2525],
    ["smtp://me:p%40ss%3A@localhost:1025", "none", "localhost", 1025],
    ["smtp://me:p%40ss%3A@[::1]", "none", "::1", 587],
    ["smtps://me:p%40ss%3A@127.0.0.1", "implicit", "127.0.0.1", 465],
  ])("%s: TLS is %s; in the clear to this machine only", (SMTP_URL, tls, host, port) => {
    const credentials = { username: "me", password: "p@ss:" };
    const { mail } = parseEnv({ ...bindings, SMTP_URL });
    expect(mail).toEqual({ tls, host, port, credentials, from: "sluice@sluice.test" });
  });

  test.each([
    ["", 0],
    ["0", 0],
    ["false", 0],
    ["true", 1],
    ["3", 3],
    ["cloudflare", "cloudflare"],
  ])("SLUICE_TRUST_PROXY=%j is %j", (value, expected) => {
    expect(parseEnv({ ...bindings, SLUICE_TRUST_PROXY: value }).trustProxy).toBe(expected);
  });
});

test("logs show no keys, tokens or passwords", () => {
  const text =
    "/api/stream/live_0123456789abcdef/info?token=abc&x=1 Bearer eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl " +
    "/api/stream/pub_x/hls/0123456789abcdef0123456789abcdef/source.m3u8 portal_00112233445566 password=hunter2 &key=k " +
    "/login?magic=ffeeddccbbaa /api/stream/live%5F998877665544332211/info LIVE_STREAM";
  const shown = redact(text);
  for (const secret of ["0123456789abcdef", "abc&", "eyJ", "c2lnbmF0", "00112233", "ffeedd", "998877"])
    expect(shown).not.toContain(secret);
  for (const open of ["pub_x", "LIVE_STREAM"]) expect(shown).toContain(open);
});
