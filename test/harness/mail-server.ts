/** Real SMTP servers on loopback that keep what they are sent. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import type { SecureContextOptions } from "node:tls";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { MAIL_PASSWORD, MAIL_USER, type ReceivedMail } from "./received-mail.ts";

export type MailServer = {
  port: number;
  mails: ReceivedMail[];
  /** It keeps no process from ending. */
  background(): void;
  stop(): Promise<void>;
};

/** Whoever logs in does so as `MAIL_USER`. Mail to `refused@…` is refused. */
export async function startMailServer(options: SMTPServerOptions & SecureContextOptions = {}): Promise<MailServer> {
  const mails: ReceivedMail[] = [];
  const methods = new Map<string, string>();
  const server = new SMTPServer({
    authOptional: true,
    allowInsecureAuth: true,
    disableReverseLookup: true,
    logger: false,
    onAuth({ method, username, password }, session, done) {
      const isRight = username === MAIL_USER && password === MAIL_PASSWORD;
      if (isRight) methods.set(session.id, method);
      done(isRight ? null : new Error("who are you?"), isRight ? { user: username } : undefined);
    },
    onRcptTo({ address }, _, done) {
      done(address.startsWith("refused@") ? new Error("no such mailbox") : null);
    },
    onData(stream, { id, secure, envelope }, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        mails.push({
          from: envelope.mailFrom ? envelope.mailFrom.address : "",
          to: envelope.rcptTo.map(({ address }) => address),
          raw: Buffer.concat(chunks).toString("utf8"),
          secure,
          method: methods.get(id) ?? null,
        });
        done();
      });
    },
    ...options,
  });
  // A client that goes away is no fault of the server's.
  server.on("error", () => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.server.address() as AddressInfo).port,
    mails,
    background: () => void server.server.unref(),
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}

/** A certificate for `localhost` that nobody trusts by himself. */
export function certificate(): { key: string; cert: string } {
  const directory = mkdtempSync(path.join(tmpdir(), "sluice-mail-"));
  try {
    const [key, cert] = [path.join(directory, "key.pem"), path.join(directory, "cert.pem")];
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    execFileSync("openssl", ["req", "-x509", ...curve, ...name, "-keyout", key, "-out", cert], { stdio: "ignore" });
    return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
  } finally {
    rmSync(directory, { recursive: true });
  }
}
