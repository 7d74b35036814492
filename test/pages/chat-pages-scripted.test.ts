/** Chat pages before a server that says what the test wants: long histories, refusals, attacks. */
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { seconds, until } from "../harness/broadcast.ts";
import { ChatPages, field, message, type PageOptions, say, settled } from "../harness/chat-pages.ts";
import { ScriptedChat, somebody } from "../harness/scripted-chat.ts";
import { ATTACKS } from "./attacks.ts";

let pages: ChatPages;

beforeAll(async () => {
  pages = await ChatPages.start();
});
afterAll(() => pages?.close());
afterEach(async () => {
  expect(await pages.tidy()).toEqual([]);
});

/** The page of a channel about which `chat` decides. */
async function pageOf(chat: ScriptedChat, size: PageOptions = {}): Promise<Page> {
  const page = await pages.blank("ada", size);
  await chat.serve(page);
  await page.goto(`${pages.sluice.url}/chat/general`);
  await page.locator('[data-stage="live"]').waitFor();
  return page;
}

describe("reading back", () => {
  /** What is on the screen of the list: which message, and where its lower edge is. */
  const places = (page: Page) =>
    page.getByRole("log").evaluate((list) => {
      const { top, bottom } = list.getBoundingClientRect();
      return [...list.querySelectorAll("article")]
        .map((each) => [Number(each.dataset.message), each.getBoundingClientRect().bottom] as const)
        .filter(([, edge]) => edge > top && edge < bottom);
    });
  /** How far what is seen before and after was moved. */
  async function moved(page: Page, act: () => unknown) {
    const old = new Map(await places(page));
    await act();
    await seconds(0.1);
    const by = (await places(page)).flatMap(([id, edge]) => (old.has(id) ? [edge - (old.get(id) ?? 0)] : []));
    expect(by.length).toBeGreaterThan(0);
    return { most: Math.max(...by), least: Math.min(...by) };
  }

  test("what one reads stays where it is, and what is new is counted", async () => {
    const chat = new ScriptedChat();
    for (let each = 1; each <= 400; each += 1) chat.add({ message: `line ${each} ${"and so on ".repeat(each % 40)}` });
    const page = await pageOf(chat);
    await page.getByRole("log").hover();
    // Through several pages of history, all of it moves alike and no further than the wheel.
    for (let turn = 0; turn < 30; turn += 1) {
      const { most, least } = await moved(page, () => page.mouse.wheel(0, -250));
      expect(most - least).toBeLessThan(1.5);
      expect(most).toBeLessThan(252);
    }
    expect(chat.said.filter(({ type }) => type === "history").length).toBeGreaterThan(1);
    expect(await page.getByRole("article").count()).toBeLessThan(100);

    const [[first = 0] = []] = await places(page);
    const longer = "longer ".repeat(200);
    const { most, least } = await moved(page, () => {
      for (const text of ["news 1", "news 2"]) chat.says({ message: text });
      chat.change({ type: "message_deleted", message_id: first - 2, deleted_by: 3 });
      chat.change({ type: "message_edited", message_id: first - 1, message: longer, new_text: longer, edited_at: "" });
    });
    expect(Math.abs(most) + Math.abs(least)).toBeLessThan(3);
    await page.getByRole("button", { name: "2 new messages" }).click();
    await message(page, "news 2").waitFor();
    expect(await page.getByRole("button", { name: /new message/ }).count()).toBe(0);

    // Nor does it move when the page has to catch up, and says so.
    await page.mouse.wheel(0, -250);
    await page.getByRole("button", { name: "To the newest" }).waitFor();
    const caught = await moved(page, async () => {
      chat.rev += 1;
      chat.says({ message: "one after another that was missed" });
      await page.getByText("Reconnecting…").waitFor();
    });
    expect(Math.abs(caught.most) + Math.abs(caught.least)).toBeLessThan(1);
  });

  test("an answer leads to its message, however old, or says that it is gone", async () => {
    const chat = new ScriptedChat();
    const old = chat.add({ message: "the first of all" });
    for (let each = 2; each <= 300; each += 1) chat.add({ message: `line ${each}` });
    const preview = { id: old.id, username: "bob", message: old.message };
    chat.add({ message: "an answer", reply_to: old.id, reply_preview: preview });
    const [{ id: lost = 0 } = {}] = chat.lines.splice(150, 1);
    chat.add({ message: "a vain one", reply_to: lost, reply_preview: { ...preview, id: lost, message: "lost" } });
    const page = await pageOf(chat);
    const answer = page.getByRole("button", { name: "In reply to bob: lost" });
    expect((await answer.boundingBox())?.height).toBeGreaterThanOrEqual(24);
    await answer.click();
    await page.getByText("That message is gone").waitFor();
    await page.getByRole("button", { name: "In reply to bob: the first of all" }).click();
    await message(page, "the first of all").and(page.locator(":focus")).waitFor();
  });
});

test("a finger that rests on a message opens what can be done with it, and chooses nothing when it leaves", async () => {
  const chat = new ScriptedChat();
  chat.add({ message: "first" });
  chat.add({ message: "second", reactions: [{ emoji: "👍", count: 1, user_ids: [7] }] });
  const page = await pageOf(chat, { width: 320, height: 568 });
  const { x = 0, y = 0 } = (await message(page, "second").boundingBox()) ?? {};
  const finger = await page.context().newCDPSession(page);
  await finger.send("Emulation.setTouchEmulationEnabled", { enabled: true });
  const at = { x: x + 60, y: y + 30 };
  await finger.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [at] });
  const sheet = page.getByRole("dialog", { name: "Message of bob" });
  const copy = sheet.getByRole("button", { name: "Copy text" });
  await copy.click({ trial: true }); // it has come to rest
  expect((await sheet.boundingBox())?.width).toBe(320);
  const eyes = await sheet.getByRole("button", { name: "Eyes" }).boundingBox();
  expect((eyes?.x ?? 0) + (eyes?.width ?? 0)).toBeLessThan(320);
  await finger.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  await copy.click();
  await page.getByText("Text copied").waitFor();
  const reacted = () => chat.said.filter(({ type }) => type === "react").length;
  expect(reacted()).toBe(0);

  // Nor does what it taps move away because one was writing.
  await field(page).focus();
  const thumbs = page.getByRole("button", { name: /^👍/ });
  await thumbs.click({ trial: true });
  const { x: left = 0, y: top = 0 } = (await thumbs.boundingBox()) ?? {};
  await finger.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [{ x: left + 9, y: top + 9 }] });
  await finger.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  await expect.poll(reacted).toBe(1);
  await field(page).and(page.locator(":focus")).waitFor();
});

test("above the keyboard of a phone on its side one sees the last words", async () => {
  const chat = new ScriptedChat();
  chat.add({ message: "hello" });
  const page = await pageOf(chat, { width: 844, height: 190 });
  const last = await message(page, "hello").boundingBox();
  const list = await page.getByRole("log").boundingBox();
  expect(list?.height).toBeGreaterThan(last?.height ?? 0);
});

test("what one was changing a message to is kept when it was deleted meanwhile", async () => {
  const chat = new ScriptedChat();
  const { id } = chat.add({ ...somebody("ada"), message: "short", created_at: new Date().toISOString(), own: true });
  const page = await pageOf(chat, { width: 390, height: 844 });
  await field(page).press("ArrowUp");
  await page.getByText("Escape cancels").waitFor();
  const phone = await page.context().newCDPSession(page);
  await phone.send("Emulation.setTouchEmulationEnabled", { enabled: true });
  await page.getByText("Escape cancels").waitFor({ state: "hidden" });
  const { x = 0, y = 0 } = (await page.getByRole("button", { name: "Cancel editing" }).boundingBox()) ?? {};
  await phone.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [{ x: x + 9, y: y + 9 }] });
  await phone.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  await page.getByText("Editing your message").waitFor({ state: "detached" });
  await field(page).and(page.locator(":focus")).waitFor();
  await field(page).press("ArrowUp");
  await field(page).fill("all that I thought of since");
  chat.change({ type: "message_deleted", message_id: id, deleted_by: 3 });
  await message(page, "short").waitFor({ state: "detached" });
  await field(page).press("Enter");
  await page.getByText("That message cannot be changed any more.").waitFor();
  expect(await field(page).inputValue()).toBe("all that I thought of since");
  expect(chat.said.filter(({ type }) => type === "edit_message")).toEqual([]);
});

test("what is refused keeps its words, and can be sent again or discarded", async () => {
  const chat = new ScriptedChat();
  chat.add({ message: "hello" });
  const page = await pageOf(chat);
  await say(page, "refused");
  const tries = () => chat.said.filter((frame) => frame.type === "message");
  const { nonce } = await until("the message", 5, () => tries()[0]);
  chat.tell({ type: "error", message: "Slow mode: wait 1 s", error_code: "slowmode", nonce, retry_after: 1 });
  const refused = message(page, "refused");
  await refused.getByText("Not sent. Slow mode: wait 1 s").waitFor();
  // Who does not see it hears it.
  await page.getByRole("status").getByText("Not sent. Slow mode: wait 1 s").waitFor({ state: "attached" });
  const news = page.getByRole("status").getByText("bob: ha", { exact: true });
  chat.says({ message: "ha" });
  await news.waitFor({ state: "attached" });
  const told = await news.elementHandle();
  chat.says({ message: "ha" });
  await expect.poll(() => told?.textContent()).not.toBe("bob: ha");
  await page.getByRole("button", { name: "Retry", exact: true }).click();
  expect(await until("the second try", 5, () => tries()[1])).toEqual(tries()[0]);
  chat.tell({ type: "error", message: "No", error_code: "forbidden", nonce });
  await refused.getByText("Not sent. No").waitFor();
  await page.getByRole("button", { name: "Discard" }).click();
  await refused.waitFor({ state: "detached" });
});

describe("50 attacks: nothing of them runs", () => {
  const [first = "", second = "", third = ""] = ATTACKS;

  test("in names, topics, titles, answers, pins and messages", async () => {
    const chat = new ScriptedChat();
    chat.info = { topic: first, description: first, stream_id: 1, stream_name: first, stream_is_live: 1 };
    for (const attack of ATTACKS) {
      const person = somebody(attack, { nickname: attack, avatar: { emoji: attack, color: attack } });
      const preview = { id: 1, username: attack, message: attack };
      chat.add({ ...person, message: attack, reply_to: 1, reply_preview: preview });
    }
    const page = await pages.blank("ada");
    await page.route("**/api/chat/channels", async (route) => {
      const list = await (await route.fetch()).json();
      for (const channel of list.channels) Object.assign(channel, { category: first, stream_owner: first });
      await route.fulfill({ json: list });
    });
    await chat.serve(page);
    await page.goto(`${pages.sluice.url}/chat/general`);
    await page.getByRole("article").first().waitFor();
    for (const attack of ATTACKS) {
      chat.tell({ type: "typing", user_id: 5, username: attack });
      const by = { username: attack, pinned_by: 1, pinned_by_username: attack, pinned_at: "" };
      chat.change({ type: "message_pinned", message_id: 1, message: attack, ...by });
    }
    chat.tellUsers(ATTACKS.map((attack, index) => somebody(attack, { user_id: index + 10, nickname: attack })));
    await page.getByRole("button", { name: "50 here" }).click();
    await page.getByText("Here now").waitFor();
    await page.keyboard.press("Escape");

    const shown = new Set<string>();
    await page.getByRole("log").hover();
    for (let turn = 0; turn < 60 && shown.size < ATTACKS.length; turn += 1) {
      for (const text of await page.locator("[role=log] article p").allTextContents()) shown.add(text);
      await page.mouse.wheel(0, -500);
      await seconds(0.03);
    }
    expect(ATTACKS.filter((attack) => !shown.has(attack))).toEqual([]);
    const links = await page.locator("[role=log] a").evaluateAll((all) =>
      all.map((each) => {
        const { protocol, rel, target } = each as HTMLAnchorElement;
        return `${protocol} ${rel} ${target}`;
      }),
    );
    for (const link of links) expect(link).toMatch(/^https?: noopener noreferrer nofollow ugc _blank$/);
    const foreign = page.locator("[role=log] :is(script, iframe, img, object, embed, form, style, math)");
    expect(await foreign.count()).toBe(0);
    expect(await page.evaluate(() => document.documentElement.dataset.hit)).toBeUndefined();
  });

  test("through the server: a stream's title and description, a topic, messages", async () => {
    const { url, streamId } = pages.sluice;
    await pages.call("PUT", `/api/streams/${streamId}`, { title: first, description: second });
    const { stream } = await pages.call("GET", `/api/streams/${streamId}`);
    await pages.call("PUT", `/api/chat/channels/${stream.chat_channel_id}`, { topic: second });
    const page = await pages.join("ada", pages.beside);
    for (const text of [first, second, third]) await say(page, text);
    await settled(page);
    await page.getByRole("heading", { name: first, level: 1 }).waitFor();
    await page.goto(`${url}/chat/${stream.chat_channel_name}`);
    await page.getByRole("heading", { name: first, level: 1 }).waitFor();
    await message(page, second).waitFor();
    expect(await page.evaluate(() => document.documentElement.dataset.hit)).toBeUndefined();
  });
});
