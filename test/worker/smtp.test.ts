/** Mail to real servers: of each kind, and such as misbehave. */
import { beforeEach, describe, expect, test } from "vitest";
import { sendMail } from "../../workers/core/mail.ts";
import type { MailSettings } from "../../workers/core/mail-settings.ts";
import { sendBySmtp } from "../../workers/core/smtp.ts";
import { MAIL_PASSWORD, MAIL_USER } from "../harness/received-mail.ts";
import { bindings, system } from "./client.ts";
import { inbox, ports } from "./mail.ts";

const credentials = { username: MAIL_USER, password: MAIL_PASSWORD };
const server = (port: number, tls: MailSettings["tls"], fields: Partial<MailSettings> = {}): MailSettings => ({
  host: "localhost",
  port,
  tls,
  credentials,
  from: "sluice@sluice.test",
  ...fields,
});
const MESSAGE = "Subject: Hi\r\n\r\nOne\r\n.\r\n..two\r\nThree";
const send = (to: MailSettings, fields: { to?: string; timeout_ms?: number } = {}) =>
  sendBySmtp(
    bindings.SMTP ?? expect.fail(),
    to,
    { from: to.from, to: fields.to ?? "ada@example.com", message: MESSAGE },
    fields.timeout_ms,
  );
const failure = (sent: Promise<void>) =>
  sent.then(
    () => "it was sent",
    (error: Error) => error.message,
  );

beforeEach(async () => {
  await inbox();
});

describe("a mail gets there", () => {
  test.each([
    ["without TLS, to this machine", server(ports.plain, "none"), { secure: false, method: "PLAIN" }],
    ["by AUTH LOGIN, where there is no other", server(ports.login, "none"), { secure: false, method: "LOGIN" }],
    ["by STARTTLS", server(ports.starttls, "starttls"), { secure: true, method: "PLAIN" }],
    ["by TLS from the first byte", server(ports.implicit, "implicit"), { secure: true, method: "PLAIN" }],
    ["without logging in", server(ports.no_auth, "none", { credentials: null }), { secure: false, method: null }],
  ])("%s, and its dots stay what they are", async (_, to, how) => {
    await send(to);
    const [mail, ...more] = await inbox();
    expect(mail).toEqual({ from: "sluice@sluice.test", to: ["ada@example.com"], raw: `${MESSAGE}\r\n`, ...how });
    expect(more).toEqual([]);
  });
});

test("by the sockets of the runtime, as deployed", async () => {
  const { SMTP: _, ...env } = bindings;
  await sendMail({ ...system(), env }, { to: "ada@example.com", subject: "Hello", text: "One" });
  expect(await inbox()).toMatchObject([{ to: ["ada@example.com"], method: "PLAIN" }]);
});

describe("it does not, and says why, but for the password", () => {
  test.each<[string, MailSettings, RegExp, { to?: string; timeout_ms?: number }?]>([
    [
      "a wrong password",
      server(ports.plain, "none", { credentials: { ...credentials, password: "no" } }),
      /AUTH .* 535/,
    ],
    [
      "a mailbox that is none",
      server(ports.plain, "none"),
      /RCPT .* 550 no such mailbox/,
      { to: "refused@example.com" },
    ],
    ["no STARTTLS, which is asked for", server(ports.no_auth, "starttls"), /does not offer STARTTLS/],
    ["no way to log in", server(ports.no_auth, "none"), /neither AUTH PLAIN nor AUTH LOGIN/],
    ["a certificate of another name", server(ports.implicit, "implicit", { host: "127.0.0.1" }), /./],
    ["silence", server(ports.silent, "none"), /did not answer in time/, { timeout_ms: 200 }],
    ["a server that hangs up", server(ports.hangs_up, "none"), /./],
    ["a reply without an end", server(ports.babbles, "none"), /has no end/],
    ["something else behind the port", server(ports.no_smtp, "none"), /does not speak SMTP/],
    ["nothing behind the port", server(1, "none"), /cannot be reached/],
  ])("%s", async (_, to, expected, fields) => {
    const message = await failure(send(to, fields));
    expect(message).toMatch(expected);
    expect(message).not.toBe("it was sent");
    for (const secret of [MAIL_PASSWORD, btoa("no")]) expect(message).not.toContain(secret);
    expect(await inbox()).toEqual([]);
  });
});

describe("what is composed", () => {
  test("has what a mail needs", async () => {
    await sendMail(system(), { to: "ada@example.com", subject: "Hello", text: "One\n.\nTwo\n" });
    const [mail] = await inbox();
    const [head = "", ...body] = mail?.raw.split("\r\n\r\n") ?? [];
    expect(head.split("\r\n")).toEqual([
      "From: Sluice <sluice@sluice.test>",
      "To: <ada@example.com>",
      "Subject: Hello",
      expect.stringMatching(/^Date: \w{3}, \d{2} \w{3} \d{4} [\d:]{8} \+0000$/),
      expect.stringMatching(/^Message-ID: <[0-9a-f-]{36}@sluice\.test>$/),
      "Auto-Submitted: auto-generated",
      "MIME-Version: 1.0",
      "Content-Type: text/plain; charset=us-ascii",
      "Content-Transfer-Encoding: 7bit",
    ]);
    expect(body.join("\r\n\r\n")).toBe("One\r\n.\r\nTwo\r\n\r\n");
  });

  test.each([
    { to: "ada@example.com\r\nBcc: eve@example.com" },
    { to: "ada@example.com> <eve@example.com" },
    { to: "ada" },
    { subject: "Hello\r\nBcc: eve@example.com" },
    { subject: "Grüße" },
    { text: "One\rTwo" },
    { text: "x".repeat(999) },
  ])("nothing that was typed in becomes a header: %j", async (fields) => {
    const mail = { to: "ada@example.com", subject: "Hello", text: "One", ...fields };
    expect(await failure(sendMail(system(), mail))).toMatch(/^a (line of a )?mail /);
    expect(await inbox()).toEqual([]);
  });
});
