/** What people find on a page of the app, by the words they see. */
import type { Locator, Page } from "playwright-core";

export const field = (page: Page, name: string) => page.getByRole("textbox", { name, exact: true });
export const password = (within: Page | Locator, name: string) => within.getByLabel(name, { exact: true });
export const button = (page: Page, name: string | RegExp) =>
  page.getByRole("button", { name, exact: typeof name === "string" });
export const rowOf = (page: Page, text: string) => page.getByRole("listitem").filter({ hasText: text });

export const clipboard = (page: Page) => page.evaluate(() => navigator.clipboard.readText());

/** The name of the field that has the focus. */
export const focused = (page: Page) => page.evaluate(() => (document.activeElement as HTMLInputElement).name);

/** Waits until the open dialog has gone, and with it what it covers. */
export const closed = (page: Page) => page.getByRole("dialog").waitFor({ state: "detached" });
