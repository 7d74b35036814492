/** What the mail servers of the tests and those who ask them have in common. */

export type ReceivedMail = {
  from: string;
  to: string[];
  /** As it was sent, dots unstuffed. */
  raw: string;
  /** Whether it came by TLS, and how whoever sent it logged in. */
  secure: boolean;
  method: string | null;
};

export const MAIL_USER = "sluice";
/** With what has to be encoded in an address. */
export const MAIL_PASSWORD = "p@ss/wörd:%";

/** What a test may find behind a port: a server of each kind, and some that misbehave. */
export type MailPorts = Record<
  "plain" | "login" | "starttls" | "implicit" | "no_auth" | "silent" | "hangs_up" | "babbles" | "no_smtp",
  number
>;
