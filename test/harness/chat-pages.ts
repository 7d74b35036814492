/** Chat pages in a browser: a Sluice with a few people, pages of theirs, and what these show. */
import type { Browser, Locator, Page } from "playwright-core";
import { until } from "./broadcast.ts";
import { launchBrowser } from "./browser.ts";
import { type Credentials, register, signIn, type Visit, visit } from "./pages.ts";
import { NO_RATE_LIMITS, type Sluice, startSluice } from "./sluice.ts";

export type Who = "admin" | "ada" | "bob" | "guest";
export type PageOptions = { width?: number; height?: number };

const SIZE = { width: 1280, height: 800 };

export class ChatPages {
  readonly sluice: Sluice;
  readonly browser: Browser;
  readonly #accounts = new Map<Who, Credentials>();
  /** One browser context each, for as long as this lasts. */
  readonly #visits = new Map<Who, Visit>();
  #alone: Visit[] = [];
  #channels = 0;

  private constructor(sluice: Sluice, browser: Browser) {
    this.sluice = sluice;
    this.browser = browser;
  }

  static async start(): Promise<ChatPages> {
    const sluice = await startSluice({ env: { SLUICE_ADMIN_PASSWORD: "correct horse battery", ...NO_RATE_LIMITS } });
    const pages = new ChatPages(sluice, await launchBrowser());
    const { adminUsername: username, adminPassword: password } = sluice;
    pages.#accounts.set("admin", { username, password });
    const admin = await pages.#visit("admin");
    for (const who of ["ada", "bob"] as const) pages.#accounts.set(who, await register(admin, sluice, who));
    return pages;
  }

  /** The watch page of the demo stream. */
  get beside(): string {
    return `/watch/${this.sluice.publicKey}`;
  }

  /** A page of theirs, open at `path`. */
  async open(who: Who, path: string, options: PageOptions = {}): Promise<Page> {
    const page = await this.blank(who, options);
    await page.goto(this.sluice.url + path);
    return page;
  }

  /** The same, and in its chat. */
  async join(who: Who, path: string, options: PageOptions = {}): Promise<Page> {
    const page = await this.open(who, path, options);
    await page.locator('[data-stage="live"]').waitFor();
    return page;
  }

  async blank(who: Who, options: PageOptions = {}): Promise<Page> {
    const page = await (await this.#visit(who)).context.newPage();
    await page.setViewportSize({ ...SIZE, ...options });
    return page;
  }

  /** In a browser context of their own, until the end of the test. */
  async alone(who: Who): Promise<Visit> {
    const visitor = await this.#newVisit(who);
    this.#alone.push(visitor);
    return visitor;
  }

  /** A channel that no other test has; its path. */
  async newChannel(): Promise<string> {
    this.#channels += 1;
    const name = `test-${this.#channels}`;
    await this.call("POST", "/api/chat/channels", { name });
    return `/chat/${name}`;
  }

  /** The API, as the admin. */
  async call(method: "GET" | "POST" | "PUT", path: string, data?: object) {
    const { context } = await this.#visit("admin");
    const reply = await context.request.fetch(this.sluice.url + path, { method, ...(data && { data }) });
    if (!reply.ok()) throw new Error(`${path} answered ${reply.status()}: ${await reply.text()}`);
    return reply.json();
  }

  /** Closes what a test opened; what must never happen, and did. */
  async tidy(): Promise<string[]> {
    const faults = [...this.#visits.values(), ...this.#alone].flatMap((each) => each.faults.splice(0));
    for (const { context } of this.#visits.values()) await Promise.all(context.pages().map((page) => page.close()));
    await Promise.all(this.#alone.splice(0).map(({ context }) => context.close()));
    return faults;
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.sluice.stop();
  }

  async #visit(who: Who): Promise<Visit> {
    const known = this.#visits.get(who);
    if (known) return known;
    const visitor = await this.#newVisit(who);
    this.#visits.set(who, visitor);
    return visitor;
  }

  async #newVisit(who: Who): Promise<Visit> {
    const visitor = await visit(this.browser, SIZE);
    const account = this.#accounts.get(who);
    if (account) await signIn(visitor, this.sluice, account);
    return visitor;
  }
}

export const field = (page: Page): Locator => page.locator("[data-composer] textarea");

export async function say(page: Page, text: string): Promise<void> {
  await field(page).fill(text);
  await field(page).press("Enter");
}

/** The words of the messages in the list, those on their way too, from the oldest that is drawn. */
export const messages = (page: Page): Promise<string[]> =>
  page.locator("[role=log] article p").evaluateAll((all) => all.map((each) => each.firstChild?.textContent ?? ""));

/** By what it says, to the letter. */
export const message = (page: Page, text: string): Locator =>
  page.locator(`article[aria-label$=${JSON.stringify(`: ${text}`)}]`);

/** Nothing is on its way, and what came before is there. */
export async function settled(page: Page): Promise<void> {
  await page.locator('[data-stage="live"]').waitFor();
  const onItsWay = page.locator('[role=log] :is([data-sent="false"], [data-busy="true"])');
  await until("everything is sent", 15, async () => (await onItsWay.count()) === 0);
}
