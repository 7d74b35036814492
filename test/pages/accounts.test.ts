/** Accounts as people make and keep them, and as admins see them. */
import { describe, expect, test } from "vitest";
import { signIn, type Visit, type VisitOptions } from "../harness/pages.ts";
import { accessibilityFaults, tabOrder } from "./accessibility.ts";
import { host, member, open, PASSWORD, sluice, startScene, visitor } from "./account-scene.ts";
import { button, clipboard, closed, field, focused, focusedText, password, rowOf, smallTargets } from "./page-parts.ts";

const NEW_PASSWORD = "staple of another kind";

startScene();

async function admin(options: VisitOptions = {}): Promise<Visit> {
  const visited = await visitor(options);
  await signIn(visited, sluice);
  return visited;
}

const statusOf = async ({ context }: Visit) => (await context.request.get(`${sluice.url}/api/me`)).status();

describe("an invite", () => {
  test("is made by an admin, and whoever opens its link makes an account and is where they wanted", async () => {
    const inviter = await admin();
    await open(inviter.page, "/users?tab=invites");
    await button(inviter.page, "New code").click();
    await field(inviter.page, "What it is for").fill("For the choir");
    await inviter.page.route(
      "**/api/admin/invite-codes",
      (route) => {
        const errors = [{ field: "duration_days", message: "must be 1 to 365" }];
        return route.fulfill({ status: 400, json: { code: "invalid", detail: "Not so long", errors } });
      },
      { times: 1 },
    );
    await button(inviter.page, "Make the code").click();
    await inviter.page.getByText("1 to 365 days").waitFor();
    expect(await focused(inviter.page)).toBe("duration_days");
    await button(inviter.page, "Make the code").click();
    await inviter.page.getByRole("dialog").getByRole("button", { name: "Copy link" }).click();
    const link = await clipboard(inviter.page);
    expect(link).toMatch(/\/register\?code=PORTAL(-[0-9A-F]{4}){3}$/);
    await inviter.page.getByRole("dialog").getByText("Close", { exact: true }).click();
    await closed(inviter.page);

    const guest = await visitor({ width: 390, height: 844 });
    await guest.page.goto(`${link}&next=%2Fchat`);
    expect(await field(guest.page, "Invite code").inputValue()).toMatch(/^PORTAL-/);
    expect(await accessibilityFaults(guest.page)).toEqual([]);
    expect(await focused(guest.page)).toBe("username");
    await guest.page.keyboard.type("choirboy");
    await guest.page.keyboard.press("Tab");
    await guest.page.keyboard.type(PASSWORD);
    await guest.page.keyboard.press("Enter");
    await guest.page.waitForURL(/\/chat/);
    expect(await statusOf(guest)).toBe(200);

    // Used up, it is among the past ones, with who came by it.
    await inviter.page.reload();
    await button(inviter.page, /^Show \d+ past codes?$/).click();
    const row = rowOf(inviter.page, "For the choir");
    await row.getByText("Used up").waitFor();
    await row.getByRole("button", { name: "Used", exact: true }).click();
    await row.getByText("choirboy").waitFor();
    expect(await accessibilityFaults(inviter.page)).toEqual([]);
  });

  test("of today can be copied and deactivated: then there is another one", async () => {
    const { page } = await admin();
    await open(page, "/users?tab=invites");
    const row = rowOf(page, "Today's code");
    await row.getByRole("button", { name: "Copy link" }).click();
    const before = await clipboard(page);
    await row.getByRole("button", { name: /^More for Today's code/ }).click();
    await page.getByRole("menuitem", { name: "Deactivate" }).click();
    await page.getByText("Today gets another code at once.").waitFor();
    await button(page, "Deactivate").click();
    await closed(page);
    await button(page, /past codes?$/).waitFor();
    await row.getByRole("button", { name: "Copy link" }).click();
    await expect.poll(() => clipboard(page)).not.toBe(before);
  });
});

describe("making an account", () => {
  test("what is wrong is said at its field, with what to do", async () => {
    const invite = await host.context.request.post(`${sluice.url}/api/admin/invite-codes`, { data: {} });
    const { code } = await invite.json();
    const { page } = await visitor();
    await open(page, "/register");
    await button(page, "Make the account").click();
    await page.getByText("The invite code is required").waitFor();
    await page.getByText("The username must be 3 to 30 letters, digits, _ or -").waitFor();
    expect(await focused(page)).toBe("invite_code");

    await field(page, "Invite code").fill("PORTAL-0000-0000-0000");
    await field(page, "Username").fill(sluice.adminUsername);
    await password(page, "Password").fill("short");
    await page.keyboard.press("Enter");
    await page.getByText("The password must have at least 8 characters").waitFor();
    expect(await focused(page)).toBe("password");

    await password(page, "Password").fill(PASSWORD);
    await page.keyboard.press("Enter");
    await page.getByText("The invite code is not valid, or not any more.").waitFor();
    expect(await focused(page)).toBe("invite_code");

    await field(page, "Invite code").fill(` ${code.toLowerCase()} `);
    await page.keyboard.press("Enter");
    await page.getByText("The username is taken. Choose another one.").waitFor();
    expect(await focused(page)).toBe("username");
    // What was typed is still there.
    expect(await password(page, "Password").inputValue()).toBe(PASSWORD);
    await field(page, "Username").fill("second_try");
    await page.keyboard.press("Enter");
    await page.waitForURL(`${sluice.url}/`);
    await button(page, "Account: second_try").waitFor();
  });

  test("a second one from one address: it says when", async () => {
    const { page } = await visitor();
    await page.route("**/api/register", (route) =>
      route.fulfill({
        status: 429,
        headers: { "retry-after": "86000" },
        json: { code: "rate_limited", detail: "An account was registered from this address within the last 24 hours" },
      }),
    );
    await open(page, "/register?code=PORTAL-0000-0000-0000");
    await field(page, "Username").fill("another");
    await password(page, "Password").fill(PASSWORD);
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("within the last 24 hours").waitFor();
    await page.getByText("You can try again in 24 h.").waitFor();
  });

  test("the ways in lead to each other, and on to the same page", async () => {
    const { page } = await visitor();
    await open(page, "/account");
    await page.getByRole("link", { name: "Make an account" }).click();
    await page.waitForURL(/\/register\?next=%2Faccount$/);
    await page.getByRole("main").getByRole("link", { name: "Sign in" }).click();
    await field(page, "Username").fill(sluice.adminUsername);
    await password(page, "Password").fill(PASSWORD);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Account", level: 1 }).waitFor();
  });

  test("the code of a link is still there for whoever went to sign in and came back", async () => {
    const { page } = await visitor();
    await open(page, "/register?code=PORTAL-0000-0000-0000");
    await page.getByRole("main").getByRole("link", { name: "Sign in" }).click();
    await page.getByRole("link", { name: "Make an account" }).click();
    expect(await field(page, "Invite code").inputValue()).toBe("PORTAL-0000-0000-0000");
  });
});

describe("one's own account", () => {
  test("that is slow to come says so; when it does not come it says why, and is asked for again", async () => {
    const { page } = await member("sophie");
    const asked = Promise.withResolvers<void>();
    await page.route("**/api/me", async (route) => {
      await asked.promise;
      return route.fulfill({ status: 403, json: { code: "forbidden", detail: "Not now" } });
    });
    await open(page, "/account");
    await page.getByRole("main").getByRole("status").getByLabel("Loading").waitFor();
    asked.resolve();
    await page.getByText("Not now").waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.unroute("**/api/me");
    await button(page, "Try again").click();
    await page.getByRole("heading", { name: "Account", level: 1 }).waitFor();
  });

  test("is reached by its menu; nickname, status and avatar are seen at once", async () => {
    const { page, context } = await member("ada");
    await open(page, "/");
    await button(page, "Account: ada").click();
    expect(await page.getByRole("menuitem", { name: "Users" }).count()).toBe(0);
    await page.getByRole("menuitem", { name: "Account" }).click();
    const save = button(page, "Save the profile");
    expect(await save.isDisabled()).toBe(true);
    await field(page, "Nickname").fill("A");
    await save.click();
    await page.getByText("The nickname must be 2 to 32 characters").waitFor();
    expect(await focused(page)).toBe("nickname");
    await field(page, "Nickname").fill(" Ada Lovelace ");
    await page.getByLabel("Status", { exact: true }).selectOption("busy");
    await field(page, "Status message").fill("Computing");
    await page.getByRole("radio", { name: "Violet" }).check({ force: true });
    await page.getByText("Emoji", { exact: true }).click();
    await button(page, "Eyes").click();
    await save.click();
    await page.getByText("Saved").waitFor();
    await button(page, "Account: Ada Lovelace").getByText("👀").waitFor();
    expect(await save.isDisabled()).toBe(true);
    expect(await (await context.request.get(`${sluice.url}/api/me`)).json()).toMatchObject({
      nickname: "Ada Lovelace",
      status: "busy",
      status_message: "Computing",
      avatar: { color: "#7c4dbd", emoji: "👀" },
      chat_anonymous: false,
    });
  });

  test("its password: wrong, weak, right; then other browsers are signed out and this one is not", async () => {
    const here = await member("grace");
    const { page } = here;
    const elsewhere = await visitor();
    await signIn(elsewhere, sluice, { username: "grace", password: PASSWORD });
    await open(page, "/account/security");
    await page.getByText("A change signs you out everywhere else").waitFor();
    await password(page, "Current password").fill("not it");
    await password(page, "New password").fill("short");
    await page.keyboard.press("Enter");
    await page.getByText("The new password must have at least 8 characters").waitFor();
    await password(page, "New password").fill(NEW_PASSWORD);
    await page.keyboard.press("Enter");
    // A wrong password is no reason to be sent to sign in.
    await page.getByText("The current password is not this").waitFor();
    expect(await focused(page)).toBe("current_password");
    await password(page, "Current password").fill(PASSWORD);
    await page.keyboard.press("Enter");
    await page.getByText("your other sessions are signed out").waitFor();
    expect([await statusOf(here), await statusOf(elsewhere)]).toEqual([200, 401]);
    await button(page, "Show 1 ended").waitFor();
    await signIn(elsewhere, sluice, { username: "grace", password: NEW_PASSWORD });
  });

  test("its sessions: this one is marked, one is revoked, then all others", async () => {
    const here = await member("linus");
    const { page } = here;
    const { request } = here.context;
    const tokens: string[] = [];
    for (const name of ["laptop", "script", "phone"]) {
      const data = { username: "linus", password: PASSWORD, name };
      tokens.push((await (await request.post(`${sluice.url}/api/token`, { data })).json()).token);
    }
    const answers = () => {
      const me = (token: string) => fetch(`${sluice.url}/api/me`, { headers: { authorization: `Bearer ${token}` } });
      return Promise.all(tokens.map(async (token) => (await me(token)).status));
    };
    await open(page, "/account/security");
    const rows = page.getByRole("region", { name: "Sessions" }).getByRole("listitem");
    await expect.poll(() => rows.count()).toBe(4);
    await rows.first().getByText("This browser").waitFor();
    await rows.first().getByText("Chrome on Linux").waitFor();
    await rows.first().getByRole("button", { name: "Sign out" }).waitFor();
    await rows
      .filter({ hasText: "script" })
      .getByRole("button", { name: /^Revoke script/ })
      .click();
    await page.getByText("Whoever uses it is signed out").waitFor();
    await button(page, "Revoke").click();
    await closed(page);
    await expect.poll(() => rows.count()).toBe(3);
    // The next one, and not a button of it: who still holds Enter presses nothing.
    await rows.filter({ hasText: "laptop" }).and(page.locator(":focus")).waitFor();
    expect(await answers()).toEqual([200, 401, 200]);
    await button(page, "Sign out everywhere else").click();
    await page.getByText("2 sessions end").waitFor();
    await button(page, "Sign them out").click();
    await closed(page);
    await button(page, "Show 3 ended").waitFor();
    expect(await button(page, "Sign out everywhere else").count()).toBe(0);
    await expect.poll(() => focusedText(page)).toBe("Sessions");
    expect(await answers()).toEqual([401, 401, 401]);
    expect(await statusOf(here)).toBe(200);
  });
});

describe("everybody's accounts", () => {
  test("an admin makes one, gives it a role, resets its password, and deletes it", async () => {
    const { page } = await admin();
    await open(page, "/");
    await button(page, "Account: admin").click();
    await page.getByRole("menuitem", { name: "Users" }).click();
    await button(page, "New account").click();
    await field(page, "Username").fill(sluice.adminUsername);
    await button(page, "Make the account").click();
    await page.getByText("The username is taken").waitFor();
    await field(page, "Username").fill("made_here");
    await button(page, "Make the account").click();
    await page.getByText("It is shown this once").waitFor();
    // Nothing but the button takes it away.
    await page.keyboard.press("Escape");
    await button(page, "Copy password").click();
    const first = await clipboard(page);
    await button(page, "I have it").click();
    await closed(page);
    const theirs = await visitor();
    await signIn(theirs, sluice, { username: "made_here", password: first });

    await page.getByRole("searchbox", { name: "Find by name" }).fill("made_h");
    await page.getByText("1 account", { exact: true }).waitFor();
    const role = page.getByLabel("Role of made_here");
    await role.selectOption("moderator");
    await page.getByText("made_here is signed out everywhere").waitFor();
    expect(await role.inputValue()).toBe("user");
    await button(page, "Make made_here a moderator").click();
    await closed(page);
    await expect.poll(() => role.inputValue()).toBe("moderator");
    expect(await statusOf(theirs)).toBe(401);

    await button(page, "More for made_here").click();
    await page.getByRole("menuitem", { name: "Reset the password" }).click();
    await button(page, "Reset the password").click();
    await page.getByText("made_here has a new password").waitFor();
    await button(page, "Copy password").click();
    const second = await clipboard(page);
    expect(second).not.toBe(first);
    await button(page, "I have it").click();
    await closed(page);

    // A moderator sees who is there, and can change nothing of anybody.
    await signIn(theirs, sluice, { username: "made_here", password: second });
    await open(theirs.page, "/users");
    await theirs.page.getByText("Superadmin").waitFor();
    expect(await theirs.page.getByRole("tab").count()).toBe(0);
    expect(await theirs.page.getByRole("combobox").count()).toBe(0);
    expect(await button(theirs.page, /^More for|^New account$/).count()).toBe(0);

    await button(page, "More for made_here").click();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    await button(page, "Delete the account").click();
    await page.getByText("That is not made_here").waitFor();
    await field(page, "Type made_here to confirm").fill("made_here");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Nobody is called so" }).and(page.locator(":focus")).waitFor();
    await page.getByRole("status").getByText("Nobody is called so").waitFor();
    await theirs.page.reload();
    await theirs.page.waitForURL(/\/login/);
  });

  test("are shown to moderators only", async () => {
    const { page } = await member("plain");
    await open(page, "/users");
    await page.getByRole("heading", { name: "For moderators", level: 1 }).waitFor();
  });

  test("what cannot be loaded says so, and is tried again", async () => {
    const { page } = await admin();
    let isDown = true;
    await page.route("**/api/users?*", (route) =>
      isDown ? route.fulfill({ status: 403, json: { detail: "Not now" } }) : route.continue(),
    );
    await open(page, "/users");
    await page.getByText("Not now").waitFor();
    isDown = false;
    await button(page, "Try again").click();
    await page
      .getByLabel(/^Role of/)
      .first()
      .waitFor();
  });
});

describe.each([
  ["on a phone, in the dark", { width: 390, height: 844, colorScheme: "dark" }],
  ["on a desk", { width: 1280, height: 800 }],
] as const)("%s", (_name, options) => {
  test("names, labels, headings and focus are there, and nothing is too wide", async () => {
    const { page } = await admin(options);
    for (const path of ["/account/security", "/users", "/users?tab=invites"]) {
      await open(page, path);
      await page
        .getByRole("listitem")
        .filter({ hasText: /Sign out|You|Today's/ })
        .first()
        .waitFor();
      expect(await accessibilityFaults(page), path).toEqual([]);
      expect(await smallTargets(page), path).toEqual([]);
      // The order is the same at every width.
      if (options.width === 1280) expect((await tabOrder(page)).unseen, path).toEqual([]);
    }
    await button(page, "New code").click();
    await page.getByRole("dialog").waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);

    await page.route("**/api/users?*", async (route) => {
      const response = await route.fetch();
      return route.fulfill({ response, json: { ...(await response.json()), total: 1_234 } });
    });
    await open(page, "/users");
    await button(page, "Page 25").waitFor();
    const pages = page.getByRole("navigation", { name: "Pages of accounts" }).getByRole("button");
    const tops = await pages.evaluateAll((all) => all.map((each) => each.getBoundingClientRect().top));
    expect(new Set(tops).size, "rows of page numbers").toBe(1);
  });
});
