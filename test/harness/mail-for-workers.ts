/** Mail servers for the tests in workerd, on the side of Node, and a binding by which the tests read what came. */
import { type AddressInfo, createServer } from "node:net";
import { certificate, startMailServer } from "./mail-server.ts";
import { MAIL_PASSWORD, MAIL_USER, type MailPorts } from "./received-mail.ts";

export async function startTestMail() {
  const { key, cert } = certificate();
  const servers = {
    plain: await startMailServer({ authMethods: ["PLAIN", "LOGIN"] }),
    login: await startMailServer({ authMethods: ["LOGIN"] }),
    starttls: await startMailServer({ key, cert, allowInsecureAuth: false }),
    implicit: await startMailServer({ key, cert, secure: true }),
    no_auth: await startMailServer({ hideSTARTTLS: true, disabledCommands: ["AUTH", "STARTTLS"] }),
  };
  for (const server of Object.values(servers)) server.background();
  const ports: MailPorts = {
    plain: servers.plain.port,
    login: servers.login.port,
    starttls: servers.starttls.port,
    implicit: servers.implicit.port,
    no_auth: servers.no_auth.port,
    silent: await says(null),
    hangs_up: await says("220 hello\r\n", true),
    babbles: await says("220-".padEnd(100_000, "x")),
    no_smtp: await says("HTTP/1.1 400 Bad Request\r\n\r\n"),
  };
  const [user, password] = [MAIL_USER, encodeURIComponent(MAIL_PASSWORD)];
  return {
    bindings: {
      SMTP_URL: `smtp://${user}:${password}@localhost:${ports.plain}`,
      MAIL_FROM: "sluice@sluice.test",
      MAIL_PORTS: ports,
    },
    way: { network: { allow: ["private"], tlsOptions: { trustedCertificates: [cert] } } },
    /** What came since it was asked last. */
    inbox: () => new Response(JSON.stringify(Object.values(servers).flatMap(({ mails }) => mails.splice(0)))),
  };
}

/** The port of a server that says one thing, whatever it hears. */
async function says(text: string | null, hangsUp = false): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    if (text !== null) socket.write(text);
    if (hangsUp) socket.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  return (server.address() as AddressInfo).port;
}
