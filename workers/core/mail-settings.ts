/** How mail leaves: `SMTP_URL` and `MAIL_FROM`, both or neither. */
import { z } from "zod";

export type MailSettings = {
  host: string;
  port: number;
  /** `implicit` from the first byte, `starttls` before anything is said; `none` to this machine only. */
  tls: "implicit" | "starttls" | "none";
  /** Null: the server asks for nothing. */
  credentials: { username: string; password: string } | null;
  /** The address that mail comes from. */
  from: string;
};

const LOOPBACK = /^(127(\.\d{1,3}){3}|\[::1\]|localhost)$/;

const SmtpUrl = z.url({ protocol: /^smtps?$/ }).transform((text, issue): Omit<MailSettings, "from"> => {
  // The URL standard keeps the host of an unknown scheme as it is written.
  const url = new URL(text);
  try {
    const [username, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
    const tls = url.protocol === "smtps:" ? "implicit" : LOOPBACK.test(url.hostname) ? "none" : "starttls";
    return {
      host: url.hostname.replace(/^\[|\]$/g, ""),
      port: url.port === "" ? (tls === "implicit" ? 465 : 587) : Number(url.port),
      tls,
      credentials: username === "" ? null : { username, password },
    };
  } catch {
    // The percent signs are wrong.
    issue.addIssue({ code: "custom" });
    return z.NEVER;
  }
});

/** What is empty is not set. */
const unset = z.literal("").transform(() => null);

export const MailVariables = z
  .object({
    SMTP_URL: z
      .union([unset, SmtpUrl], {
        error: "must be smtps://user:password@host:465 or smtp://user:password@host:587, percent-encoded",
      })
      .default(null),
    MAIL_FROM: z.union([unset, z.email()], { error: "must be an e-mail address" }).default(null),
    SLUICE_PUBLIC_URL: z.string().default(""),
  })
  .transform(({ SMTP_URL, MAIL_FROM, SLUICE_PUBLIC_URL }, issue): MailSettings | null => {
    if (SMTP_URL === null && MAIL_FROM === null) return null;
    if (SMTP_URL !== null && MAIL_FROM !== null && SLUICE_PUBLIC_URL !== "") return { ...SMTP_URL, from: MAIL_FROM };
    // Without an address of our own, links would lead to whatever host a request names.
    const message = "SMTP_URL, MAIL_FROM and SLUICE_PUBLIC_URL must be set together, for mail with links to leave";
    issue.addIssue({ code: "custom", path: ["SMTP_URL"], message });
    return z.NEVER;
  });
