/** Somebody signs up, has a link mailed by a real mail server, and signs in by it: all of it, as a user starts it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { launchBrowser } from "../harness/browser.ts";
import { certificate, type MailServer, startMailServer } from "../harness/mail-server.ts";
import { visit } from "../harness/pages.ts";
import { MAIL_PASSWORD, MAIL_USER } from "../harness/received-mail.ts";
import { type Sluice, startSluice } from "../harness/sluice.ts";

const EMAIL = "ada@example.com";
const PASSWORD = "correct horse battery";

let folder: string;
let mail: MailServer;
let sluice: Sluice;
let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
  const { key, cert } = certificate();
  folder = mkdtempSync(path.join(tmpdir(), "sluice-ca-"));
  writeFileSync(path.join(folder, "ca.pem"), cert);
  mail = await startMailServer({ key, cert, secure: true });
  sluice = await startSluice({
    env: {
      STREAMHUB_ALLOW_SIGNUP: "1",
      SMTP_URL: `smtps://${MAIL_USER}:${encodeURIComponent(MAIL_PASSWORD)}@localhost:${mail.port}`,
      MAIL_FROM: "sluice@example.com",
      NODE_EXTRA_CA_CERTS: path.join(folder, "ca.pem"),
    },
  });
});
afterAll(async () => {
  await browser?.close();
  await sluice?.stop();
  await mail?.stop();
  rmSync(folder, { recursive: true });
});

async function post(name: string, body: object) {
  const reply = await fetch(`${sluice.url}/api/v1/auth/${name}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  await reply.body?.cancel();
  return { status: reply.status };
}

test("a link is mailed by TLS, signs in once, and is in no log", async () => {
  expect((await post("signup", { email: EMAIL, password: PASSWORD })).status).toBe(201);
  expect((await post("magic-link", { email: EMAIL })).status).toBe(200);
  await vi.waitUntil(() => mail.mails.length > 0, { timeout: 10_000, interval: 50 });
  const [received] = mail.mails;
  expect(received).toMatchObject({ from: "sluice@example.com", to: [EMAIL], secure: true, method: "PLAIN" });
  const link = new URL(/http\S+/.exec(received?.raw ?? "")?.[0] ?? expect.fail(received?.raw));
  expect(`${link.origin}${link.pathname}`).toBe(`${sluice.url}/login`);
  const token = link.searchParams.get("magic") ?? "";

  const { page, context, faults } = await visit(browser);
  await page.goto(link.href);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${sluice.url}/streams`);
  expect(await (await context.request.get(`${sluice.url}/api/me`)).json()).toMatchObject({ role: "user" });
  await context.clearCookies();
  await page.goto(link.href);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").getByText("This link was used already").waitFor();
  await context.close();
  expect(faults).toEqual([]);
  expect((await post("magic/verify", { token })).status).toBe(401);

  expect((await post("magic-link", { email: "nobody@example.com" })).status).toBe(200);
  expect(mail.mails).toHaveLength(1);
  for (const secret of [token, MAIL_PASSWORD, encodeURIComponent(MAIL_PASSWORD)]) {
    expect(sluice.logs()).not.toContain(secret);
  }
});
