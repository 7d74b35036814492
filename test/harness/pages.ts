/** Pages of the web app in a browser, watched for what must never happen. */
import type { Browser, BrowserContext, Page } from "playwright-core";
import type { Sluice } from "./sluice.ts";

export type Visit = {
  context: BrowserContext;
  page: Page;
  /** Script errors and refusals of the content security policy, so far. */
  faults: string[];
};

export type VisitOptions = { width?: number; height?: number; colorScheme?: "light" | "dark" };

/** A visitor of their own: no cookies, no storage. */
export async function visit(browser: Browser, options: VisitOptions = {}): Promise<Visit> {
  const { width = 1280, height = 800, colorScheme = "light" } = options;
  const context = await browser.newContext({ viewport: { width, height }, colorScheme });
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const faults: string[] = [];
  context.on("weberror", (error) => faults.push(String(error.error())));
  context.on("console", (message) => {
    if (/Content Security Policy|Refused to/.test(message.text())) faults.push(message.text());
  });
  context.on("dialog", (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  const page = await context.newPage();
  return { context, page, faults };
}

export type Credentials = { username: string; password: string };

const adminOf = ({ adminUsername: username, adminPassword: password }: Sluice): Credentials => ({ username, password });

/** A session as the sign-in page makes one, without the page. By default the admin's. */
export async function signIn({ context }: Visit, sluice: Sluice, who = adminOf(sluice)): Promise<void> {
  const reply = await context.request.post(`${sluice.url}/login`, {
    headers: { accept: "application/json" },
    data: who,
  });
  if (!reply.ok()) throw new Error(`sign-in answered ${reply.status()}: ${await reply.text()}`);
}

/** A new account, let in by `admin`, with the admin's password. */
export async function register({ context }: Visit, sluice: Sluice, username: string): Promise<Credentials> {
  const invite = await context.request.post(`${sluice.url}/api/admin/invite-codes`, { data: {} });
  const { code } = await invite.json();
  const who = { username, password: sluice.adminPassword };
  const reply = await context.request.post(`${sluice.url}/api/register`, { data: { ...who, invite_code: code } });
  if (!reply.ok()) throw new Error(`registration answered ${reply.status()}: ${await reply.text()}`);
  return who;
}
