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

/** What has the focus, by its words: a row of a list, a heading. */
export const focusedText = (page: Page) => page.evaluate(() => document.activeElement?.textContent ?? "");

/** What is smaller than a fingertip can hit. A link within a sentence may be. */
export const smallTargets = (page: Page) =>
  page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>("a[href], button, input, select, textarea, [role=tab]")]
      .filter((element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true }))
      .filter((element) => getComputedStyle(element).display !== "inline")
      .flatMap((element) => {
        const { width, height } = element.getBoundingClientRect();
        const words = element.getAttribute("aria-label") ?? element.textContent;
        return width < 24 || height < 24 ? [`${Math.round(width)}x${Math.round(height)} ${words}`] : [];
      }),
  );
