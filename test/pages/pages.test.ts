/** The web app as people use it: signing in, one's streams, and what guests see. */
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { launchBrowser } from "../harness/browser.ts";
import { signIn, type Visit, visit } from "../harness/pages.ts";
import { NO_RATE_LIMITS, type Sluice, startSluice } from "../harness/sluice.ts";
import { accessibilityFaults, tabOrder } from "./accessibility.ts";

const PASSWORD = "correct horse battery";
const NASTY = `<img src=x onerror="document.documentElement.dataset.hit='1'">"'&lt;`;
const NASTIER = `</script><script>document.documentElement.dataset.hit='1'</script>\n<svg onload=alert(1)>`;

let sluice: Sluice;
let browser: Browser;
let visitor: Visit;
let page: Page;

beforeAll(async () => {
  sluice = await startSluice({ env: { SLUICE_ADMIN_PASSWORD: PASSWORD, ...NO_RATE_LIMITS } });
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  await sluice?.stop();
});
beforeEach(async () => {
  visitor = await visit(browser);
  page = visitor.page;
});
afterEach(async () => {
  const { faults } = visitor;
  await visitor.context.close();
  expect(faults).toEqual([]);
});

const open = (path: string) => page.goto(sluice.url + path);
const heading = (name: string) => page.getByRole("heading", { name, level: 1 }).waitFor();
const alertText = () => page.getByRole("alert").textContent();
const cardOf = (title: string) => page.getByRole("listitem").filter({ hasText: title });

/** A stream made through the API, as the visitor. */
async function madeStream(
  fields: Record<string, unknown>,
): Promise<{ id: number; stream_key: string; public_key: string }> {
  const reply = await visitor.context.request.post(`${sluice.url}/api/streams`, { data: fields });
  expect(reply.status()).toBe(201);
  return reply.json();
}

describe("signing in", () => {
  test("by keyboard alone: wrong, right, and back where one was", async () => {
    await open("/streams");
    await page.waitForURL(/\/login\?next=%2Fstreams$/);
    await page.getByLabel("Username").and(page.locator(":focus")).waitFor();
    await page.keyboard.type(sluice.adminUsername);
    await page.keyboard.press("Tab");
    await page.keyboard.type("not it");
    await page.keyboard.press("Enter");
    expect(await alertText()).toBe("The username or the password is wrong.");
    // What was wrong is selected: typing replaces it.
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press("Enter");
    await heading("My streams");
    expect(new URL(page.url()).pathname).toBe("/streams");
    await page.reload();
    await heading("My streams");
    // The way back does not lead through the sign-in page.
    await page.goBack();
    expect(new URL(page.url()).pathname).not.toBe("/login");
  });

  test("what is missing is said at its field, and the focus goes there", async () => {
    await open("/login");
    await page.getByLabel("Username").fill("ada");
    await page.keyboard.press("Enter");
    await page.getByText("Enter your password").waitFor();
    expect(await page.evaluate(() => (document.activeElement as HTMLInputElement).name)).toBe("password");
  });

  test("the password can be looked at", async () => {
    await open("/login");
    await page.getByLabel("Password", { exact: true }).fill("seen");
    await page.getByRole("button", { name: "Show the password" }).click();
    expect(await page.locator("[name=password]").getAttribute("type")).toBe("text");
  });

  test("too many attempts: it says once how long to wait, counts down, and lets one try again", async () => {
    await page.clock.install();
    await page.route("**/login", (route) =>
      route.request().method() === "POST"
        ? route.fulfill({ status: 429, headers: { "retry-after": "840" }, json: { detail: "Too many attempts" } })
        : route.continue(),
    );
    await open("/login");
    await page.getByLabel("Username").fill("ada");
    await page.getByLabel("Password", { exact: true }).fill("nope");
    await page.keyboard.press("Enter");
    const said = "Too many attempts. Try again in 14 min.";
    expect(await alertText()).toBe(said);
    await page.clock.fastForward("06:00");
    expect(await page.getByRole("button", { name: "Wait 8 min" }).isDisabled()).toBe(true);
    await page.getByText("Try again in 8 min.").waitFor();
    // A screen reader is not told of each minute.
    expect(await alertText()).toBe(said);
    await page.clock.fastForward("10:00");
    await page.getByRole("button", { name: "Sign in", exact: true }).waitFor();
    expect(await alertText()).toBe("You can try again now.");
  });

  test("offline: it says so", async () => {
    await open("/login");
    await page.getByLabel("Username").fill("ada");
    await page.getByLabel("Password", { exact: true }).fill("nope");
    await visitor.context.setOffline(true);
    await page.keyboard.press("Enter");
    expect(await alertText()).toBe("You are offline.");
  });

  test("signing out ends the session", async () => {
    await signIn(visitor, sluice);
    await open("/streams");
    await page.getByRole("button", { name: /^Account/ }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await page.getByRole("link", { name: "Sign in", exact: true }).waitFor();
    expect((await visitor.context.request.get(`${sluice.url}/api/me`)).status()).toBe(401);
  });
});

describe("one's streams", () => {
  beforeEach(() => signIn(visitor, sluice));

  test("create, with the key to copy, to reveal and to replace", async () => {
    await open("/streams");
    await page.getByRole("button", { name: "New stream" }).click();
    await page.getByRole("textbox", { name: "Title" }).fill("Evening show");
    await page.getByRole("textbox", { name: "Description" }).fill("Music and talk");
    await page.getByRole("textbox", { name: "Title" }).press("Enter");
    const card = cardOf("Evening show");
    await card.waitFor();
    await page.getByText("“Evening show” is ready").waitFor();

    // A new stream shows at once how to publish to it, without the key on the screen.
    await card.getByText(sluice.rtmp).first().waitFor();
    expect(await card.textContent()).not.toContain("live_");
    await card.getByRole("button", { name: "Copy stream key" }).click();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    const { streams } = await (await visitor.context.request.get(`${sluice.url}/api/streams`)).json();
    expect(copied).toBe(streams[0].stream_key);
    await card.getByRole("button", { name: "Reveal stream key" }).click();
    await card.getByText(copied).waitFor();
    await card.getByRole("button", { name: "Hide stream key" }).click();
    expect(await card.textContent()).not.toContain(copied);

    await card.getByRole("tab", { name: "FFmpeg" }).click();
    await card.getByRole("button", { name: "Copy command with the key" }).click();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toContain(`${sluice.rtmp}/${copied}`);

    await card.getByRole("button", { name: "New key" }).click();
    await page.getByRole("dialog").getByText("The old key stops working at once.").waitFor();
    await page.getByRole("button", { name: "Make a new key" }).click();
    await page.getByText("The new key is in place").waitFor();
    await expect
      .poll(async () => {
        await card.getByRole("button", { name: "Copy stream key" }).click();
        return page.evaluate(() => navigator.clipboard.readText());
      })
      .not.toBe(copied);
  });

  test("a title that is missing or taken is said at the field", async () => {
    await madeStream({ title: "Taken" });
    await open("/streams");
    await page.getByRole("button", { name: "New stream" }).click();
    await page.getByRole("button", { name: "Create" }).click();
    await page.getByText("Enter a title").waitFor();
    await page.getByRole("textbox", { name: "Title" }).fill("Taken");
    await page.getByRole("button", { name: "Create" }).click();
    await page.getByText("You have a stream with this title already").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
  });

  test("edit", async () => {
    await madeStream({ title: "Before", is_public: true });
    await open("/streams");
    await page.getByRole("button", { name: "More for Before" }).click();
    await page.getByRole("menuitem", { name: "Edit" }).click();
    await page.getByRole("textbox", { name: "Title" }).fill("After");
    await page.getByRole("switch", { name: "Public" }).click();
    await page.getByRole("button", { name: "Save" }).click();
    await cardOf("After").getByText("Private").waitFor();
    expect(await cardOf("Before").count()).toBe(0);
  });

  test("delete asks first, and says what is lost", async () => {
    await madeStream({ title: "Short-lived" });
    await open("/streams");
    const ask = async () => {
      await page.getByRole("button", { name: "More for Short-lived" }).click();
      await page.getByRole("menuitem", { name: "Delete" }).click();
      await page.getByText("This cannot be undone.").waitFor();
    };
    await ask();
    // The focus starts on the way out.
    await page.getByRole("button", { name: "Cancel" }).and(page.locator(":focus")).waitFor();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await cardOf("Short-lived").waitFor();
    await ask();
    await page.getByRole("button", { name: "Delete the stream" }).click();
    await cardOf("Short-lived").waitFor({ state: "detached" });
  });

  test("the embed code names the stream on this host", async () => {
    const { public_key } = await madeStream({ title: "To embed" });
    await open("/streams");
    await page.getByRole("button", { name: "More for To embed" }).click();
    await page.getByRole("menuitem", { name: "Embed" }).click();
    await page.getByRole("button", { name: "Copy embed code" }).click();
    const code = await page.evaluate(() => navigator.clipboard.readText());
    expect(code).toContain(`src="${sluice.url}/embed/stream/${public_key}"`);
  });

  test("a failure shows the request's id, and another try helps", async () => {
    let failing = true;
    await page.route("**/api/streams", (route) =>
      failing
        ? route.fulfill({ status: 503, json: { detail: "Temporarily unavailable", request_id: "req-12345678" } })
        : route.continue(),
    );
    await open("/streams");
    await page.getByText("req-12345678").waitFor();
    expect(await alertText()).toContain("Temporarily unavailable");
    failing = false;
    await page.getByRole("button", { name: "Try again" }).click();
    await cardOf("Demo").waitFor();
  });

  test("no streams yet: the way to the first one", async () => {
    await page.route("**/api/streams", (route) =>
      route.request().method() === "GET" ? route.fulfill({ json: { streams: [] } }) : route.continue(),
    );
    await open("/streams");
    await page.getByRole("heading", { name: "Your first stream" }).waitFor();
    await page.getByRole("button", { name: "New stream" }).click();
    await page.getByRole("textbox", { name: "Title" }).and(page.locator(":focus")).waitFor();
  });

  test("markup in titles and descriptions is text, everywhere", async () => {
    const { public_key } = await madeStream({ title: NASTY, description: NASTIER, is_public: true });
    for (const path of ["/streams", "/", `/watch/${public_key}`]) {
      await open(path);
      await page.getByText(NASTY).first().waitFor();
      expect(await page.evaluate(() => document.documentElement.dataset.hit)).toBeUndefined();
    }
    await page.getByText("</script><script>").waitFor();
    expect(await page.title()).toBe(`${NASTY} · Sluice`);
    await open(`/embed/stream/${public_key}`);
    await page.getByText(NASTY).first().waitFor();
    await open("/streams");
    await page.getByRole("button", { name: `More for ${NASTY}` }).click();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    await page.getByRole("button", { name: "Delete the stream" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(await page.evaluate(() => document.documentElement.dataset.hit)).toBeUndefined();
  });
});

describe("guests", () => {
  test("an open stream is shown by number and by key, another one asks to sign in", async () => {
    await open(`/watch/${sluice.streamId}`);
    await heading("Demo");
    await open(`/watch/${sluice.publicKey}`);
    await heading("Demo");
    const owner = await visit(browser);
    await signIn(owner, sluice);
    const reply = await owner.context.request.post(`${sluice.url}/api/streams`, {
      data: { title: "Members only", is_public: true },
    });
    const { id } = await reply.json();
    await owner.context.close();
    await open(`/watch/${id}`);
    await heading("Sign in to watch");
    await page.getByRole("main").getByRole("link", { name: "Sign in" }).click();
    await page.getByLabel("Username").fill(sluice.adminUsername);
    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.keyboard.press("Enter");
    await heading("Members only");
  });

  test("what does not exist is said to members, and never a page without words", async () => {
    await signIn(visitor, sluice);
    await open("/watch/999999");
    await heading("No such stream");
    await open("/watch/pub_nonsense");
    await heading("No such stream");
    await open("/embed/stream/pub_nonsense");
    await page.getByText("This stream cannot be shown").first().waitFor();
  });
});

describe("for everyone", () => {
  const pages = ["/login", "/", `/watch/demo`, "/streams"];

  test.each(pages.flatMap((path) => [1280, 360].map((width) => [path, width] as const)))(
    "%s at %i px: names, labels, one heading, a focus that shows, nothing sideways",
    async (path, width) => {
      const seen = await visit(browser, { width, height: 760 });
      if (path !== "/login") await signIn(seen, sluice);
      await seen.page.goto(sluice.url + (path === "/watch/demo" ? `/watch/${sluice.publicKey}` : path));
      await seen.page.getByRole("heading", { level: 1 }).waitFor();
      expect(await accessibilityFaults(seen.page)).toEqual([]);
      const { stops, unseen } = await tabOrder(seen.page);
      expect(unseen).toEqual([]);
      expect(stops.length).toBeGreaterThan(3);
      if (path !== "/login") expect(stops[0]).toBe("Skip to the page");
      await seen.context.close();
      expect(seen.faults).toEqual([]);
    },
  );

  test("light and dark follow the system and the choice, from the first paint on", async () => {
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const scheme = () => page.evaluate(() => document.documentElement.dataset.mantineColorScheme);
    await page.emulateMedia({ colorScheme: "dark" });
    await open("/login");
    expect(await scheme()).toBe("dark");
    const dark = await ground();
    await page.getByRole("button", { name: "Appearance" }).click();
    await page.getByRole("menuitemradio", { name: "Light" }).click();
    expect(await ground()).not.toBe(dark);
    await page.goto(`${sluice.url}/login`, { waitUntil: "commit" });
    // Before the app's own script has run.
    await page.waitForFunction(() => document.documentElement.dataset.mantineColorScheme !== undefined);
    expect(await scheme()).toBe("light");
  });

  test("the API's documentation shows the operations", async () => {
    await open("/docs");
    await page.getByText("/api/streams/{id}").first().waitFor();
  });

  test("no other page may be framed", async () => {
    for (const [path, framed] of [
      ["/", false],
      ["/login", false],
      [`/embed/stream/${sluice.publicKey}`, true],
    ] as const) {
      const { headers } = await fetch(sluice.url + path, { headers: { accept: "text/html" } });
      const policy = headers.get("content-security-policy") ?? "";
      expect(policy).toContain(framed ? "frame-ancestors *" : "frame-ancestors 'none'");
      expect(policy).toContain("script-src 'self';");
    }
  });
});
