/** People with accounts at a Sluice of the test file's own: each in a browser that closes after the test. */
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { launchBrowser } from "../harness/browser.ts";
import { register, signIn, type Visit, type VisitOptions, visit } from "../harness/pages.ts";
import { NO_RATE_LIMITS, type Sluice, startSluice } from "../harness/sluice.ts";

export const PASSWORD = "correct horse battery";

export let sluice: Sluice;
/** An admin whose browser only makes accounts and codes. */
export let host: Visit;
let browser: Browser;
let visits: Visit[];

/** For the top of a file. No page may have seen a fault when its test is over. */
export function startScene(): void {
  beforeAll(async () => {
    sluice = await startSluice({ env: { SLUICE_ADMIN_PASSWORD: PASSWORD, ...NO_RATE_LIMITS } });
    browser = await launchBrowser();
    host = await visit(browser);
    await signIn(host, sluice);
  });
  afterAll(async () => {
    await browser?.close();
    await sluice?.stop();
  });
  beforeEach(() => {
    visits = [];
  });
  afterEach(async () => {
    const faults = visits.flatMap((each) => each.faults);
    await Promise.all(visits.map(({ context }) => context.close()));
    expect(faults).toEqual([]);
  });
}

export async function visitor(options: VisitOptions = {}): Promise<Visit> {
  const visited = await visit(browser, options);
  visits.push(visited);
  // Dialogs come and go at once.
  await visited.page.emulateMedia({ reducedMotion: "reduce" });
  return visited;
}

/** A new account of this name, signed in. */
export async function member(username: string, options: VisitOptions = {}): Promise<Visit> {
  const who = await register(host, sluice, username);
  const visited = await visitor(options);
  await signIn(visited, sluice, who);
  return visited;
}

export const open = (page: Page, path: string) => page.goto(sluice.url + path);
