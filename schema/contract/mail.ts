/** The settings by which mail leaves. */
import * as z from "zod";

export type MailServer = {
  host: string;
  port: number;
  /** `implicit` from the first byte, `starttls` before anything is said; `none` to this machine only. */
  tls: "implicit" | "starttls" | "none";
  /** Null: the server asks for nothing. */
  credentials: { username: string; password: string } | null;
};

const LOOPBACK = /^(127(\.\d{1,3}){3}|\[::1\]|localhost)$/;
const PORTS = { implicit: 465, starttls: 587, none: 587 } as const;

/** `smtps://user:password@host:465`, or `smtp://user:password@host:587`. */
export const SmtpUrl = z.string().transform((text, issue): MailServer => {
  const server = parseSmtpUrl(text);
  if (server) return server;
  const message = "must be smtps://user:password@host:465 or smtp://user:password@host:587, percent-encoded";
  issue.addIssue({ code: "custom", message });
  return z.NEVER;
});

export const MailFrom = z.email("must be an e-mail address");

function parseSmtpUrl(text: string): MailServer | null {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  const isAddress = /^smtps?:$/.test(url.protocol) && url.hostname !== "" && /^[^?#]*$/.test(text);
  if (!isAddress || !/^\/?$/.test(url.pathname)) return null;
  const tls = url.protocol === "smtps:" ? "implicit" : LOOPBACK.test(url.hostname) ? "none" : "starttls";
  const [username, password] = [decoded(url.username), decoded(url.password)];
  if (username === null || password === null) return null;
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? PORTS[tls] : Number(url.port),
    tls,
    credentials: username === "" ? null : { username, password },
  };
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
