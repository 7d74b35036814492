/** Chat as people use it: beside a stream and on its own page, over lost connections and by keyboard. */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { seconds, until } from "../harness/broadcast.ts";
import { ChatPages, field, message, messages, say, settled } from "../harness/chat-pages.ts";
import { type Push, push } from "../harness/push.ts";
import { accessibilityFaults, tabOrder } from "./accessibility.ts";

let pages: ChatPages;
let broadcast: Push;

beforeAll(async () => {
  pages = await ChatPages.start();
  const { rtmp, streamKey, streamId } = pages.sluice;
  broadcast = push(`${rtmp}/${streamKey}`, { video: { size: "320x180", rate: 10 } });
  await pages.call("PUT", `/api/streams/${streamId}`, { is_public: true, allow_unauthenticated: true });
});
afterAll(async () => {
  await broadcast?.stop();
  await pages?.close();
});
afterEach(async () => {
  expect(await pages.tidy()).toEqual([]);
});

/** Both show the same, in the same order, with each of `texts` once. */
async function alike(one: Page, other: Page, texts: string[]): Promise<void> {
  await Promise.all([settled(one), settled(other)]);
  await until("the last message", 10, async () => (await messages(other)).includes(texts.at(-1) ?? ""));
  const [here, there] = [await messages(one), await messages(other)];
  expect(here).toEqual(there);
  for (const text of texts) expect(here.filter((each) => each === text)).toEqual([text]);
}

const focused = (page: Page, what: ReturnType<Page["locator"]>) => what.and(page.locator(":focus")).waitFor();

describe("beside a live stream", () => {
  test("two see what each other writes, in the same order", async () => {
    const [one, other] = [await pages.join("ada", pages.beside), await pages.join("bob", pages.beside)];
    await one.getByText("Live", { exact: true }).first().waitFor();
    const texts: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      const [first, second] = [`ada says ${round}`, `bob says ${round}`];
      await Promise.all([say(one, first), say(other, second)]);
      texts.push(first, second);
    }
    await alike(one, other, texts);
  });

  test("a guest reads, and is told to sign in and led back", async () => {
    const page = await pages.join("guest", pages.beside);
    await message(page, "ada says 0").waitFor();
    expect(await field(page).count()).toBe(0);
    await page.getByText("Sign in to write").waitFor();
    await page.getByRole("region", { name: "Chat" }).getByRole("link", { name: "Sign in" }).click();
    await page.waitForURL(`**/login?next=${encodeURIComponent(pages.beside)}`);
  });

  test("a session that is over is told; who signs in again over the page goes on there", async () => {
    const { page, context } = await pages.alone("ada");
    await page.goto(pages.sluice.url + pages.beside);
    await message(page, "ada says 0").waitFor();
    await field(page).fill("half a thought");
    // In another tab.
    await context.request.get(`${pages.sluice.url}/logout`, { maxRedirects: 0 });
    await page.getByText("Your session is over.").waitFor();
    await message(page, "ada says 0").waitFor();
    await page.getByRole("button", { name: "Sign in again" }).click();
    const dialog = page.getByRole("dialog", { name: "Your session has ended" });
    await dialog.getByLabel("Password", { exact: true }).fill(pages.sluice.adminPassword);
    await dialog.getByRole("button", { name: "Sign in", exact: true }).click();
    await dialog.waitFor({ state: "detached" });
    await page.getByText("Your session is over.").waitFor({ state: "detached" });
    expect(await field(page).inputValue()).toBe("half a thought");
    await say(page, "a whole thought");
    await settled(page);
  });
});

describe("a connection that is lost", () => {
  test("10 s offline: nothing is missed or doubled, and what was written then arrives once", async () => {
    const path = await pages.newChannel();
    const { page, context } = await pages.alone("ada");
    await page.goto(pages.sluice.url + path);
    const other = await pages.join("bob", path);
    await say(other, "before");
    await message(page, "before").waitFor();
    await context.setOffline(true);
    const back = seconds(10);
    await say(page, "written offline");
    for (const text of ["missed 1", "missed 2", "missed 3"]) await say(other, text);
    await page.getByText("You are offline. What you write is sent later.").waitFor();
    await back;
    expect(await messages(page)).toEqual(["before", "written offline"]);
    await context.setOffline(false);
    await alike(page, other, ["before", "missed 1", "missed 2", "missed 3", "written offline"]);
  });

  test("what is sent twice under one nonce is one message", async () => {
    const path = await pages.newChannel();
    const page = await pages.blank("ada");
    await page.routeWebSocket(/\/ws\/chat$/, (socket) => {
      const server = socket.connectToServer();
      socket.onMessage((data) => {
        server.send(data);
        if (String(data).includes('"type":"message"')) server.send(data);
      });
    });
    await page.goto(pages.sluice.url + path);
    const other = await pages.join("bob", path);
    for (const text of ["once", "and only once"]) await say(page, text);
    await alike(page, other, ["once", "and only once"]);
  });

  test("a page that slept for a minute on a dead line goes on where it was", async () => {
    const path = await pages.newChannel();
    const page = await pages.blank("ada");
    let isDead = false;
    await page.routeWebSocket(/\/ws\/chat$/, (socket) => {
      const isOld = !isDead;
      const server = socket.connectToServer();
      // Nobody says that the old one is gone: nothing passes any more.
      const passes = () => !(isDead && isOld);
      socket.onMessage((data) => passes() && server.send(data));
      server.onMessage((data) => passes() && socket.send(data));
    });
    await page.clock.install();
    await page.goto(pages.sluice.url + path);
    const other = await pages.join("bob", path);
    await say(other, "awake");
    await message(page, "awake").waitFor();
    isDead = true;
    await say(page, "into the void");
    await say(other, "while it sleeps");
    await message(other, "while it sleeps").waitFor();
    await page.clock.fastForward(60_000);
    // It asks whether anybody is there, and waits for an answer.
    await page.clock.fastForward(10_000);
    await alike(page, other, ["awake", "while it sleeps", "into the void"]);
  });
});

describe("by keyboard", () => {
  test("reply, react, edit, pin and delete", async () => {
    const page = await pages.join("admin", await pages.newChannel());
    const press = (key: string) => page.keyboard.press(key);
    // A menu takes the focus to itself more than once while it opens, on a busy machine after the item has it.
    const choose = async (name: string) => {
      const item = page.getByRole("menuitem", { name });
      await press("Enter");
      await item.waitFor();
      await expect
        .poll(async () => {
          if (await item.isVisible()) await item.press("Enter", { timeout: 5_000 });
          return item.isVisible();
        })
        .toBe(false);
    };
    for (const text of ["first", "second"]) await say(page, text);
    await settled(page);
    await press("Shift+Tab");
    await focused(page, message(page, "second"));
    await press("ArrowUp");
    await focused(page, message(page, "first"));
    await choose("Reply");
    await focused(page, page.getByLabel("Reply to admin"));
    await page.keyboard.type("an answer");
    await press("Enter");
    await page.getByRole("button", { name: "In reply to admin: first" }).waitFor();
    await settled(page);

    await press("ArrowUp");
    await focused(page, page.getByLabel("Edit your message"));
    await press("Escape");
    expect(await field(page).inputValue()).toBe("");
    await press("ArrowUp");
    await page.keyboard.type(" and more");
    await press("Enter");
    await message(page, "an answer and more").getByText("edited").waitFor();
    await settled(page);

    // Back to where one was in the list.
    await press("Shift+Tab");
    await focused(page, message(page, "first"));
    await press("End");
    await press("ArrowUp");
    await choose("React");
    await focused(page, page.getByRole("button", { name: "Thumbs up" }));
    await press("ArrowRight");
    await press("Enter");
    await message(page, "second").getByRole("button", { name: "❤️ 1 reaction, yours too" }).waitFor();
    await focused(page, message(page, "second"));
    await choose("Pin");
    const pins = page.getByRole("region", { name: "Pinned messages" });
    await pins.getByRole("button", { name: "admin second", exact: true }).waitFor();
    await focused(page, message(page, "second"));

    await press("Home");
    await choose("Delete");
    await page.getByRole("dialog", { name: "Delete your message?" }).waitFor();
    await press("Tab");
    await press("Enter");
    await message(page, "first").waitFor({ state: "detached" });
    await page.getByText("A message that was deleted").waitFor();
    await focused(page, field(page));
  });

  test("Tab stops in the list once, and wherever it stops can be seen", async () => {
    const page = await pages.join("ada", pages.beside);
    for (const text of ["one", "two"]) await say(page, text);
    await settled(page);
    await page.reload();
    await message(page, "two").waitFor();
    const { stops, unseen } = await tabOrder(page, 60);
    expect(unseen).toEqual([]);
    expect(stops.filter((name) => /^ada, .*: (one|two)$/.test(name))).toHaveLength(1);
    expect(stops).toContain("Message");
  });
});

test("channels: made, described, slowed down and deleted by whoever may", async () => {
  const page = await pages.join("admin", "/chat");
  await page.getByRole("heading", { name: "#general", level: 1 }).waitFor();
  await page.getByRole("link", { name: /^Demo admin\b/ }).waitFor();
  await page.getByRole("button", { name: "New channel" }).click();
  await page.getByLabel("Name").fill("Sailing Club");
  await page.getByLabel("What it is about").fill("Everything with a sail");
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await page.waitForURL("**/chat/sailing-club");
  await page.getByText("Everything with a sail").waitFor();
  const reader = await pages.join("ada", "/chat/sailing-club");
  expect(await reader.getByRole("button", { name: "Channel settings" }).count()).toBe(0);

  await page.getByRole("button", { name: "Channel settings" }).click();
  await page.getByRole("menuitem", { name: "Topic and slow mode" }).click();
  await page.getByLabel("Topic").fill("Regatta on Sunday");
  await page.getByLabel("Slow mode").selectOption({ label: "30 s" });
  await page.getByRole("button", { name: "Save" }).click();
  await reader.getByText("Regatta on Sunday").waitFor();
  await focused(page, page.getByRole("button", { name: "Channel settings" }));
  // Where colours are the reader's own, a coloured background says nothing.
  await page.emulateMedia({ forcedColors: "active" });
  const present = page.getByRole("navigation", { name: "Channels" }).getByRole("link", { name: "sailing-club" });
  expect(await present.evaluate((link) => getComputedStyle(link).outlineStyle)).toBe("solid");
  await page.emulateMedia({ forcedColors: "none" });
  await say(reader, "Count me in");
  await message(page, "Count me in").waitFor();
  await reader.getByRole("button", { name: /^Slow mode: wait \d+ s$/ }).waitFor();
  await say(reader, "not yet");
  expect(await field(reader).inputValue()).toBe("not yet");

  await page.getByRole("button", { name: "Channel settings" }).click();
  await page.getByRole("menuitem", { name: "Delete the channel" }).click();
  await page.getByRole("button", { name: "Delete the channel" }).click();
  await page.waitForURL("**/chat/general");
  await reader.getByText("This chat is gone").waitFor();
});

describe("every page has names for everything, and fits", () => {
  test.each([
    ["the list", "/chat", 390],
    ["a channel", "/chat/general", 390],
    ["both", "/chat", 1280],
    ["beside a stream", null, 390],
    ["beside a stream", null, 1280],
  ])("%s: %s at %i px", async (_what, path, width) => {
    const page = await pages.open("ada", path ?? pages.beside, { width, height: 844 });
    await page.locator('nav[aria-label="Channels"] a:visible, [data-stage="live"]:visible').first().waitFor();
    await seconds(0.2);
    expect(await accessibilityFaults(page)).toEqual([]);
    if (path === "/chat" && width === 390) return;
    // One can write without scrolling.
    const box = await field(page).boundingBox();
    expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThan(844);
  });
});
