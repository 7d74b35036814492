/** How mail leaves: `SMTP_URL` and `MAIL_FROM`, both or neither. */
import { z } from "zod";
import { MailFrom, type MailServer, SmtpUrl } from "#contract/mail";

export type MailSettings = MailServer & {
  /** The address that mail comes from. */
  from: string;
};

/** Empty is the same as unset. */
const setting = <S extends z.ZodType>(schema: S) =>
  z.preprocess((value) => (value === "" ? undefined : value), schema.optional());

export const MailVariables = z
  .object({ SMTP_URL: setting(SmtpUrl), MAIL_FROM: setting(MailFrom), SLUICE_PUBLIC_URL: setting(z.string()) })
  .transform(({ SMTP_URL, MAIL_FROM, SLUICE_PUBLIC_URL }, issue): MailSettings | null => {
    if (!SMTP_URL && !MAIL_FROM) return null;
    // Without an address of our own, links would lead to whatever host a request names.
    if (SMTP_URL && MAIL_FROM && SLUICE_PUBLIC_URL) return { ...SMTP_URL, from: MAIL_FROM };
    const message = "must be set together with MAIL_FROM and SLUICE_PUBLIC_URL, or not at all";
    issue.addIssue({ code: "custom", path: ["SMTP_URL"], message });
    return z.NEVER;
  });
