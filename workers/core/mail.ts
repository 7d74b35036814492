/** Mail to people. */
import * as sockets from "cloudflare:sockets";
import type { Ctx } from "./context.ts";
import { sendBySmtp } from "./smtp.ts";

export type Mail = { to: string; subject: string; text: string };

/** Printable, so that nothing that somebody typed in becomes a header. */
const LINE = /^[\x20-\x7e]*$/;
const ADDRESS = /^[\x21-\x7e]+@[\x21-\x7e]+$/;
/** RFC 5322, without its end. */
const LINE_MAX = 998;

/** Throws when mail is not configured, the server does not take it, or it is no ASCII; no error says what is in it. */
export async function sendMail(ctx: Ctx, mail: Mail): Promise<void> {
  const { mail: server } = ctx.settings;
  if (!server) throw new Error("mail is not configured");
  const message = compose(server.from, mail, ctx.now());
  await sendBySmtp(ctx.env.SMTP ?? sockets, server, { from: server.from, to: mail.to, message });
}

function compose(from: string, { to, subject, text }: Mail, now: number): string {
  const lines = text.split("\n");
  const isSound = ADDRESS.test(from) && ADDRESS.test(to) && [subject, ...lines].every((line) => LINE.test(line));
  if (!isSound || /[<>]/.test(from + to)) throw new Error("a mail must be ASCII, to an address");
  if (lines.some((line) => line.length > LINE_MAX)) throw new Error("a line of a mail is too long");
  return [
    `From: Sluice <${from}>`,
    `To: <${to}>`,
    `Subject: ${subject}`,
    `Date: ${new Date(now).toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <${crypto.randomUUID()}${from.slice(from.lastIndexOf("@"))}>`,
    "Auto-Submitted: auto-generated",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=us-ascii",
    "Content-Transfer-Encoding: 7bit",
    "",
    ...lines,
  ].join("\r\n");
}
