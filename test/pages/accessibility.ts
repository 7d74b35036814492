/** What can be checked of a page's accessibility without eyes: names, labels, headings, ids, focus, overflow. */
import type { Page } from "playwright-core";

/** One line for each thing that is wrong. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const faults: string[] = [];
    const visible = (element: Element) => element.checkVisibility({ visibilityProperty: true });
    const describe = (element: Element) => element.outerHTML.slice(0, 120);
    const all = (selector: string) => [...document.querySelectorAll(selector)].filter(visible);
    const named = (element: Element) => {
      const ids = element.getAttribute("aria-labelledby")?.split(/\s+/) ?? [];
      const labelled = ids.some((id) => document.getElementById(id)?.textContent?.trim());
      const labels =
        element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement ? element.labels : null;
      return (
        labelled ||
        (labels?.length ?? 0) > 0 ||
        Boolean(
          element.getAttribute("aria-label")?.trim() || element.textContent?.trim() || element.getAttribute("title"),
        )
      );
    };
    for (const element of all(
      "button, a[href], input:not([type=hidden]), textarea, select, [role=button], [role=menuitem]",
    )) {
      if (!named(element)) faults.push(`no name: ${describe(element)}`);
    }
    for (const image of all("img")) if (!image.hasAttribute("alt")) faults.push(`no alt: ${describe(image)}`);
    const headings = all("h1");
    if (headings.length !== 1) faults.push(`${headings.length} first-level headings`);
    const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
    for (const id of new Set(ids.filter((id, index) => ids.indexOf(id) !== index))) faults.push(`id twice: ${id}`);
    for (const element of document.querySelectorAll("[aria-controls], [aria-labelledby], [aria-describedby]")) {
      const wanted = element.getAttribute("aria-labelledby") ?? "";
      for (const id of wanted.split(/\s+/).filter(Boolean)) {
        if (!document.getElementById(id)) faults.push(`labelled by nothing: ${describe(element)}`);
      }
    }
    if (!document.documentElement.lang) faults.push("the page has no language");
    if (!document.title) faults.push("the page has no title");
    if (all("main").length !== 1) faults.push("not exactly one main landmark");
    const wider = document.documentElement.scrollWidth - innerWidth;
    if (wider > 0) faults.push(`scrolls sideways by ${wider} px`);
    return faults;
  });
}

/** Presses Tab through the page and says what had the focus, and where the focus could not be seen. */
export async function tabOrder(page: Page, most = 40): Promise<{ stops: string[]; unseen: string[] }> {
  const stops: string[] = [];
  const unseen: string[] = [];
  for (let press = 0; press < most; press += 1) {
    await page.keyboard.press("Tab");
    const stop = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return null;
      const name = element.getAttribute("aria-label") ?? element.textContent?.trim() ?? "";
      const style = getComputedStyle(element);
      const after = getComputedStyle(element, "::after");
      const shown = [style, after].some(
        ({ outlineStyle, outlineWidth }) => outlineStyle !== "none" && outlineWidth !== "0px",
      );
      const field = element.matches("input, textarea, select");
      return { name: name || (element.getAttribute("name") ?? element.tagName), shown: shown || field };
    });
    if (!stop || stops.includes(stop.name)) break;
    stops.push(stop.name);
    if (!stop.shown) unseen.push(stop.name);
  }
  return { stops, unseen };
}
