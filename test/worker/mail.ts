/** What the mail servers of the tests were sent. */
import type { MailPorts, ReceivedMail } from "../harness/received-mail.ts";
import { bindings } from "./client.ts";

const { INBOX, MAIL_PORTS } = bindings as unknown as { INBOX: Fetcher; MAIL_PORTS: MailPorts };

export const ports = MAIL_PORTS;

/** What came since it was asked last, by any of them. */
export async function inbox(): Promise<ReceivedMail[]> {
  return (await INBOX.fetch("http://inbox/")).json();
}
