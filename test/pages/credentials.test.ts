/** What opens an account besides its password: the second factor, API keys and SSH keys, as people use them. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import type { Locator, Page } from "playwright-core";
import decodeQr from "qr/decode.js";
import { describe, expect, test } from "vitest";
import { totp } from "../harness/totp.ts";
import { accessibilityFaults, tabOrder } from "./accessibility.ts";
import { host, member, open, PASSWORD, sluice, startScene, visitor } from "./account-scene.ts";
import { button, clipboard, closed, field, focused, focusedText, password, smallTargets } from "./page-parts.ts";

startScene();

const section = (page: Page, name: string) => page.getByRole("region", { name, exact: true });
/** Of the API, by a key. */
const answer = async (key: string, at = "/api/me") =>
  (await fetch(sluice.url + at, { headers: { authorization: `Bearer ${key}` } })).status;

/** Takes the pixels of what is shown, as a phone's camera would. */
async function pictureOf(shown: Locator) {
  const png = (await shown.screenshot()).toString("base64");
  const { width, height, pixels } = await shown.page().evaluate(async (data) => {
    const image = new Image();
    image.src = `data:image/png;base64,${data}`;
    await image.decode();
    const { width, height } = image;
    const canvas = new OffscreenCanvas(width, height).getContext("2d");
    canvas?.drawImage(image, 0, 0);
    return { width, height, pixels: [...(canvas?.getImageData(0, 0, width, height).data ?? [])] };
  }, png);
  return { width, height, data: Uint8ClampedArray.from(pixels) };
}

/** Up to the field for the code: name and password are right. */
async function typePassword(page: Page, username: string, next = "/account/security") {
  await open(page, `/login?next=${encodeURIComponent(next)}`);
  await field(page, "Username").fill(username);
  await password(page, "Password").fill(PASSWORD);
}

async function signOut(page: Page, username: string) {
  await button(page, `Account: ${username}`).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByRole("link", { name: "Sign in" }).first().waitFor();
}

/** Turns the second factor on. Returns its secret and the backup codes, as they were shown. */
async function turnOn(page: Page): Promise<{ secret: string; codes: string[] }> {
  await open(page, "/account/security");
  await button(page, "Turn on").click();
  const dialog = page.getByRole("dialog");
  const secret = (await dialog.getByText(/^[A-Z2-7]{32}$/).textContent()) ?? "";
  await field(page, "Code that the app shows").fill(totp(secret));
  await page.getByLabel("I have kept them").check();
  const codes = await dialog.getByRole("list", { name: "Backup codes" }).getByRole("listitem").allTextContents();
  await button(page, "Done").click();
  await closed(page);
  return { secret, codes };
}

describe("the second factor", () => {
  test("is turned on by a code of an app that has scanned it, and gives ten backup codes to keep", async () => {
    const { page } = await member("ada", { width: 390, height: 844, colorScheme: "dark" });
    await open(page, "/account/security");
    await section(page, "Two-factor").getByText("Off").waitFor();
    await button(page, "Turn on").click();
    const dialog = page.getByRole("dialog");
    const secret = (await dialog.getByText(/^[A-Z2-7]{32}$/).textContent()) ?? "";
    const scanned = new URL(decodeQr(await pictureOf(dialog.getByRole("img", { name: /^QR code/ }))));
    expect(scanned.protocol).toBe("otpauth:");
    expect(scanned.searchParams.get("secret")).toBe(secret);
    expect(decodeURIComponent(scanned.pathname)).toMatch(/:ada$/);
    await button(page, "Copy secret").click();
    expect(await clipboard(page)).toBe(secret);
    expect([await accessibilityFaults(page), await smallTargets(page)]).toEqual([[], []]);

    // Of another moment.
    const code = field(page, "Code that the app shows");
    await code.fill(totp(secret, 100));
    await dialog.getByText("The code is not right").waitFor();
    expect([await code.inputValue(), await focused(page)]).toEqual(["", "code"]);
    await code.fill("12");
    await page.keyboard.press("Enter");
    await dialog.getByText("The code has 6 digits").waitFor();
    // Once all digits are there nothing more is to be pressed.
    await code.fill(totp(secret));
    const list = dialog.getByRole("list", { name: "Backup codes" });
    await list.waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    const codes = await list.getByRole("listitem").allTextContents();
    expect(new Set(codes).size).toBe(10);
    for (const each of codes) expect(each).toMatch(/^[0-9A-F]{8}$/);

    await page.keyboard.press("Escape");
    expect(await button(page, "Done").isDisabled()).toBe(true);
    await button(page, "Copy codes").click();
    expect((await clipboard(page)).trim().split("\n")).toEqual(codes);
    const [file] = await Promise.all([page.waitForEvent("download"), button(page, "Download codes").click()]);
    expect(file.suggestedFilename()).toBe("sluice-backup-codes-ada.txt");
    expect((await readFile(await file.path(), "utf8")).trim().split("\n")).toEqual(codes);
    await page.getByLabel("I have kept them").check();
    await button(page, "Done").click();
    await closed(page);
    await section(page, "Two-factor").getByText("10 of 10 backup codes left").waitFor();
    await button(page, "Turn off").and(page.locator(":focus")).waitFor();
  });

  test("signing in takes a code of the app, or a backup code, and each of them once", async () => {
    const visited = await member("grace");
    const { page } = visited;
    const { secret, codes } = await turnOn(page);
    await signOut(page, "grace");

    // Pasted as apps and messages have it, and by keyboard alone.
    await typePassword(page, "grace");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Space");
    await page.getByLabel("Stay signed in for 30 days").and(page.locator(":checked")).waitFor();
    await page.keyboard.press("Enter");
    const code = field(page, "Code");
    await code.and(page.locator(":focus")).waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    const next = totp(secret, 1);
    await page.evaluate((text) => navigator.clipboard.writeText(text), `${next.slice(0, 3)} ${next.slice(3)}`);
    await page.keyboard.press("Control+V");
    await section(page, "Two-factor").getByText("10 of 10 backup codes left").waitFor();
    // What was ticked before the code was asked for counts.
    const [session] = await visited.context.cookies();
    expect((session?.expires ?? 0) - Date.now() / 1000).toBeGreaterThan(29 * 86_400);
    await signOut(page, "grace");

    await typePassword(page, "grace");
    await page.keyboard.press("Enter");
    await code.fill(next);
    await page.getByRole("alert").getByText("was used already").waitFor();
    expect([await code.inputValue(), await focused(page)]).toEqual(["", "code"]);
    await button(page, "Use a backup code").click();
    expect(await page.getByRole("alert").count()).toBe(0);
    expect(await focused(page)).toBe("backup_code");
    await button(page, "Confirm").click();
    await page.getByText("Enter a code").waitFor();
    // As one copies it from paper.
    const [first = ""] = codes;
    await field(page, "Backup code").fill(` ${first.slice(0, 4).toLowerCase()}-${first.slice(4)} `);
    await page.keyboard.press("Enter");
    await section(page, "Two-factor").getByText("9 of 10 backup codes left").waitFor();
    await signOut(page, "grace");

    await typePassword(page, "grace");
    await page.keyboard.press("Enter");
    await button(page, "Use a backup code").click();
    await field(page, "Backup code").fill(first);
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("That backup code is not right, or was used already.").waitFor();
    await button(page, "Back").click();
    expect(await page.getByRole("alert").count()).toBe(0);
    expect([await focused(page), await password(page, "Password").inputValue()]).toEqual(["password", PASSWORD]);
    expect((await visited.context.request.get(`${sluice.url}/api/me`)).status()).toBe(401);
  });

  test("is turned off by a code or the password, and what was wrong is said", async () => {
    const { page } = await member("linus");
    const { codes } = await turnOn(page);
    await button(page, "Turn off").click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Turn off" }).click();
    await dialog.getByText("Enter a code").waitFor();
    await field(page, "Code").fill("0000-0000");
    await page.keyboard.press("Enter");
    await dialog.getByText("The code is not right, or was used already").waitFor();
    expect(await focused(page)).toBe("code");
    await dialog.getByText("By the password").click();
    await password(dialog, "Password").fill("not it");
    await page.keyboard.press("Enter");
    // A wrong password is no reason to be sent to sign in.
    await dialog.getByText("The password is not this").waitFor();
    await password(dialog, "Password").fill(PASSWORD);
    await page.keyboard.press("Enter");
    await closed(page);
    await section(page, "Two-factor").getByText("Off").waitFor();

    const again = await turnOn(page);
    expect(again.codes).not.toEqual(codes);
    await button(page, "Turn off").click();
    await field(page, "Code").fill(again.codes[0] ?? "");
    await page.keyboard.press("Enter");
    await closed(page);
    await signOut(page, "linus");
    await typePassword(page, "linus");
    await page.keyboard.press("Enter");
    await section(page, "Two-factor").getByText("Off").waitFor();
  });

  test("a session that has ended: what is typed stays, and goes on after signing in over it", async () => {
    const { page, context } = await member("maria");
    const { secret } = await turnOn(page);
    const end = () => context.request.get(`${sluice.url}/logout`, { maxRedirects: 0 });
    await page.getByRole("link", { name: "Keys", exact: true }).click();
    await button(page, "New API key").click();
    await field(page, "Name").fill("Half the night");
    await end();
    await button(page, "Make the key").click();
    const over = page.getByRole("dialog", { name: "Your session has ended" });
    await password(over, "Password").and(page.locator(":focus")).waitFor();
    expect(await over.getByLabel("Username").inputValue()).toBe("maria");
    expect([await accessibilityFaults(page), await smallTargets(page)]).toEqual([[], []]);
    // It would take the dialog beneath with it.
    await page.keyboard.press("Escape");
    await page.keyboard.type("not it");
    await page.keyboard.press("Enter");
    await over.getByRole("alert").getByText("The username or the password is wrong.").waitFor();
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press("Enter");
    await field(page, "Code").and(page.locator(":focus")).waitFor();
    await page.keyboard.type(totp(secret, 1));
    await over.waitFor({ state: "detached" });
    await button(page, "Make the key").and(page.locator(":focus")).waitFor();
    expect(await field(page, "Name").inputValue()).toBe("Half the night");
    await page.getByText("Your session had ended, so this was not done. Try it again.").waitFor();
    await page.keyboard.press("Enter");
    await page.getByText("It is shown this once").waitFor();
    await button(page, "I have it").click();
    await closed(page);

    // As somebody else: nothing of the first one is left.
    await end();
    await button(page, "New SSH key").click();
    await field(page, "Name").fill("Hers");
    await page.keyboard.press("Enter");
    await over.getByLabel("Username").fill(sluice.adminUsername);
    await password(over, "Password").fill(PASSWORD);
    await page.keyboard.press("Enter");
    await button(page, `Account: ${sluice.adminUsername}`).waitFor();
    expect(await page.getByRole("dialog").count()).toBe(0);

    await end();
    await button(page, "New SSH key").click();
    await field(page, "Name").fill("Nobody's");
    await page.keyboard.press("Enter");
    await over.getByRole("button", { name: "Go on without signing in" }).click();
    await page.waitForURL(/\/login\?next=%2Faccount%2Fkeys$/);
    await field(page, "Username").waitFor();
  });

  test("too many attempts: it says how long to wait; few backup codes: it says what to do", async () => {
    const { page } = await member("barbara");
    await page.route("**/api/user/2fa/status", (route) =>
      route.fulfill({ json: { enabled: true, backup_codes_remaining: 1 } }),
    );
    await page.route("**/api/user/2fa/disable", (route) =>
      route.fulfill({
        status: 429,
        headers: { "retry-after": "840" },
        json: { code: "rate_limited", detail: "Too many failed logins, try again in 14 min" },
      }),
    );
    await open(page, "/account/security");
    await page.getByText("One backup code is left. Turn two-factor off and on again").waitFor();
    await button(page, "Turn off").click();
    await field(page, "Code").fill("123456");
    await page.keyboard.press("Enter");
    await page.getByText("You can try again in 14 min.").waitFor();
    expect(await page.getByRole("dialog").getByRole("button", { name: "Turn off" }).isDisabled()).toBe(true);
  });
});

test("a code that could not be tried is kept, and it is said how long to wait", async () => {
  const { page } = await visitor({ width: 390, height: 844 });
  let isFull = false;
  await page.route("**/login", (route) => {
    if (route.request().method() === "GET") return route.continue();
    if (!isFull) return route.fulfill({ json: { status: "2fa_required", message: "A code is needed" } });
    const json = { code: "rate_limited", detail: "Too many requests" };
    return route.fulfill({ status: 429, headers: { "retry-after": "840" }, json });
  });
  await typePassword(page, "anybody");
  await page.keyboard.press("Enter");
  const code = field(page, "Code");
  await code.waitFor();
  isFull = true;
  await code.fill("123456");
  await page.getByRole("alert").getByText("Too many attempts. Try again in 14 min.").waitFor();
  expect(await button(page, "Wait 14 min").isDisabled()).toBe(true);
  expect(await code.inputValue()).toBe("123456");
});

describe("API keys", () => {
  test("one is made by keyboard alone, shown once, used, revoked and deleted", async () => {
    const { page } = await member("radia");
    await open(page, "/account/keys");
    const keys = section(page, "API keys");
    await keys.getByText("You have no API keys.").waitFor();
    await button(page, "New API key").focus();
    await page.keyboard.press("Enter");
    await field(page, "Name").and(page.locator(":focus")).waitFor();
    await page.keyboard.press("Enter");
    await page.getByText("The name is required").waitFor();
    await page.keyboard.type("Backup");
    await page.keyboard.press("Enter");
    await page.getByText("It is shown this once").waitFor();
    // Nothing but its own button takes it away.
    await page.keyboard.press("Escape");
    await page.keyboard.press("Tab");
    await button(page, "Copy key").and(page.locator(":focus")).waitFor();
    await page.keyboard.press("Enter");
    const key = await clipboard(page);
    expect(key).toMatch(/^portal_[0-9a-f]{64}$/);
    await page.getByText(`curl ${sluice.url}/api/me -H 'Authorization: Bearer ${key}'`).waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    expect(await answer(key)).toBe(200);
    for (const stop of ["Command", "Copy command", "I have it"]) {
      await page.keyboard.press("Tab");
      await page
        .locator(":focus")
        .and(page.getByLabel(stop, { exact: true }).or(button(page, stop)))
        .waitFor();
    }
    await page.keyboard.press("Enter");
    await closed(page);

    // Who asks for the list anew sees its beginning only.
    await page.reload();
    await keys.getByText(`${key.slice(0, 10)}…`).waitFor();
    expect(await page.content()).not.toContain(key);
    await keys.getByText(/^until /).waitFor();
    expect(await keys.getByText(/^last used/).count()).toBe(1);

    await button(page, "New API key").click();
    await field(page, "Name").fill("Backup ");
    await page.keyboard.press("Enter");
    await page.getByText("The name is taken").waitFor();
    expect(await focused(page)).toBe("name");
    await button(page, "Cancel").click();
    await closed(page);

    await button(page, "More for Backup").click();
    await page.getByRole("menuitem", { name: "Revoke" }).click();
    await button(page, "Revoke").click();
    await closed(page);
    await keys.getByText("Revoked").waitFor();
    expect(await answer(key)).toBe(401);
    await button(page, "More for Backup").click();
    expect(await page.getByRole("menuitem", { name: "Revoke" }).count()).toBe(0);
    await page.getByRole("menuitem", { name: "Delete" }).click();
    await button(page, "Delete the key").click();
    await keys.getByText("You have no API keys.").waitFor();
    await expect.poll(() => focusedText(page)).toBe("API keys");
  });

  test("an admin says what one may do, and for how long", async () => {
    const { page } = await visitor();
    await page.context().addCookies(await host.context.cookies());
    await open(page, "/account/keys");
    const make = async (name: string, access: string, then: () => Promise<unknown> = async () => undefined) => {
      await button(page, "New API key").click();
      await field(page, "Name").fill(name);
      await page.getByRole("radio", { name: access }).check();
      await then();
      await button(page, "Make the key").click();
      await button(page, "Copy key").click();
      await button(page, "I have it").click();
      await closed(page);
      return clipboard(page);
    };
    const all = await make("all", "Everything", () => page.getByLabel("Expires").selectOption("Never"));
    const narrow = await make("narrow", "As an ordinary user");
    const own = await make("own", "Only these scopes", async () => {
      await field(page, "Scopes").fill("no good");
      await button(page, "Make the key").click();
      await page.getByText(/^The scopes must be/).waitFor();
      await field(page, "Scopes").fill("access:nas, services:read");
    });
    const rows = section(page, "API keys").getByRole("listitem");
    await rows.filter({ hasText: "may do everything" }).getByText("does not expire").waitFor();
    await rows.filter({ hasText: "acts as an ordinary user" }).waitFor();
    await rows.filter({ hasText: "only access:nas, services:read" }).waitFor();
    const seen = await Promise.all([all, narrow, own].map((key) => answer(key, "/api/users")));
    expect(seen).toEqual([200, 403, 403]);
  });
});

describe("SSH keys", () => {
  test("the private key is shown once and fits the public one, which can be copied later; it is deleted", async () => {
    const { page } = await member("tatu", { width: 390, height: 844 });
    await open(page, "/account/keys");
    await button(page, "New SSH key").click();
    await field(page, "Name").fill("My laptop");
    await page.keyboard.press("Enter");
    await page.getByText("It is shown this once").waitFor();
    await page.keyboard.press("Escape");
    expect(await accessibilityFaults(page)).toEqual([]);
    const [file] = await Promise.all([page.waitForEvent("download"), button(page, "Download private key").click()]);
    expect(file.suggestedFilename()).toBe("id_ed25519_my-laptop");
    const privateKey = await readFile(await file.path(), "utf8");
    await button(page, "Copy private key").click();
    expect(await clipboard(page)).toBe(privateKey);
    await button(page, "I have it").click();
    await closed(page);

    await page.reload();
    await button(page, "More for My laptop").click();
    await page.getByRole("menuitem", { name: "Copy public key" }).click();
    await page.getByText("Public key copied").waitFor();
    const publicKey = await clipboard(page);
    expect(await fittingPublicKey(privateKey)).toBe(publicKey.split(" ").slice(0, 2).join(" "));
    expect(await page.content()).not.toContain("PRIVATE KEY");
    await section(page, "SSH keys")
      .getByText(/^SHA256:[\w+/]{43}$/)
      .waitFor();

    await button(page, "More for My laptop").click();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    await page.getByText("Servers that know it go on letting it in").waitFor();
    await button(page, "Delete the key").click();
    await section(page, "SSH keys").getByText("You have no SSH keys.").waitFor();
    await expect.poll(() => focusedText(page)).toBe("SSH keys");
  });
});

/** What OpenSSH makes of a private key: type and key of the public one. */
async function fittingPublicKey(privateKey: string): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "sluice-test-"));
  try {
    const file = path.join(folder, "id");
    await writeFile(file, privateKey, { mode: 0o600 });
    const { stdout } = await promisify(execFile)("ssh-keygen", ["-y", "-f", file]);
    return stdout.trim().split(" ").slice(0, 2).join(" ");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test("what cannot be loaded says so, and is tried again", async () => {
  const { page } = await member("hedy");
  let isDown = true;
  await page.route("**/api/api-keys", (route) =>
    isDown ? route.fulfill({ status: 403, json: { detail: "Not now" } }) : route.continue(),
  );
  await open(page, "/account/keys");
  await page.getByText("Not now").waitFor();
  isDown = false;
  await button(page, "Try again").click();
  await page.getByText("You have no API keys.").waitFor();
  await page.route("**/logout", (route) => route.fulfill({ status: 500 }));
  await button(page, "Account: hedy").click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByText("You are still signed in").waitFor();
});

describe.each([
  ["on a phone, in the dark", { width: 390, height: 844, colorScheme: "dark" }],
  ["on a desk", { width: 1280, height: 800 }],
] as const)("%s", (_name, options) => {
  test("names, labels, headings and focus are there, nothing is too wide, and parts are reached by their links", async () => {
    const { page } = await member(`visitor_${options.width}`, options);
    await open(page, "/account");
    for (const [link, shown] of [
      ["Profile", "Profile"],
      ["Security", "Two-factor"],
      ["Keys", "SSH keys"],
    ] as const) {
      await page.getByRole("navigation", { name: "Account" }).getByRole("link", { name: link }).click();
      await section(page, shown).getByRole("button").first().waitFor();
      expect(await accessibilityFaults(page), link).toEqual([]);
      expect(await smallTargets(page), link).toEqual([]);
      if (options.width === 1280) expect((await tabOrder(page)).unseen, link).toEqual([]);
    }
    expect(new URL(page.url()).pathname).toBe("/account/keys");
    await page.reload();
    await section(page, "SSH keys").waitFor();
    await page.goBack();
    await section(page, "Two-factor").waitFor();
  });
});
