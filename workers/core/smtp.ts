/**
 * One mail to an SMTP server (RFC 5321), over a socket of the runtime. Nothing is said before TLS is there where it is
 * asked for, credentials least of all, and what a server sent before it does not count.
 */
import type { MailSettings } from "./mail-settings.ts";

/** `cloudflare:sockets`, or a binding that leads to the server. */
export type Connector = Pick<Fetcher, "connect">;

export type Envelope = {
  from: string;
  to: string;
  /** Headers and body, in ASCII, with CRLF. */
  message: string;
};

const TIMEOUT_MS = 30_000;
const LINE_MAX = 4096;
const LINES_MAX = 200;

type Reply = { code: number; lines: string[] };

/** Throws when the server refuses, or has not taken it within `timeout_ms`. No error says the credentials. */
export async function sendBySmtp(
  connector: Connector,
  server: MailSettings,
  mail: Envelope,
  timeout_ms = TIMEOUT_MS,
): Promise<void> {
  const { host: hostname, port, tls } = server;
  const secureTransport = tls === "implicit" ? "on" : tls === "starttls" ? "starttls" : "off";
  const link = new Link(connector.connect({ hostname, port }, { secureTransport, allowHalfOpen: false }));
  const timer = setTimeout(() => link.close(new Error("the mail server did not answer in time")), timeout_ms);
  try {
    await converse(link, server, mail);
  } finally {
    clearTimeout(timer);
    link.close();
  }
}

async function converse(link: Link, server: MailSettings, { from, to, message }: Envelope): Promise<void> {
  await link.opened();
  const name = server.from.slice(server.from.lastIndexOf("@") + 1);
  link.expect(await link.reply(), "greeting", 220);
  let can = capabilities(await link.ask(`EHLO ${name}`, 250));
  if (server.tls === "starttls") {
    if (!can.has("STARTTLS")) throw new Error("the mail server does not offer STARTTLS");
    await link.ask("STARTTLS", 220);
    link.startTls();
    can = capabilities(await link.ask(`EHLO ${name}`, 250));
  }
  if (server.credentials) await logIn(link, server.credentials, can.get("AUTH") ?? []);
  await link.ask(`MAIL FROM:<${from}>`, 250);
  await link.ask(`RCPT TO:<${to}>`, 250, 251);
  await link.ask("DATA", 354);
  // A line of one dot would end it.
  await link.write(`${message.replace(/^\./gm, "..")}\r\n.\r\n`);
  link.expect(await link.reply(), "the message", 250);
  // It has the mail: what it says to this does not matter.
  await link.write("QUIT\r\n").catch(() => undefined);
}

async function logIn(
  link: Link,
  { username, password }: { username: string; password: string },
  mechanisms: string[],
): Promise<void> {
  if (mechanisms.includes("PLAIN")) {
    await link.ask(`AUTH PLAIN ${base64(`\0${username}\0${password}`)}`, 235);
  } else if (mechanisms.includes("LOGIN")) {
    await link.ask("AUTH LOGIN", 334);
    await link.ask(base64(username), 334);
    await link.ask(base64(password), 235);
  } else {
    throw new Error("the mail server offers neither AUTH PLAIN nor AUTH LOGIN");
  }
}

/** `250-AUTH PLAIN LOGIN` becomes `AUTH` with its words. */
function capabilities({ lines }: Reply): Map<string, string[]> {
  return new Map(
    lines.slice(1).map((line) => {
      const [keyword = "", ...words] = line.toUpperCase().split(/[ =]/);
      return [keyword, words];
    }),
  );
}

const base64 = (text: string) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));

/** Lines to and from the server. */
class Link {
  #socket: Socket;
  #reader: ReadableStreamDefaultReader<Uint8Array>;
  #writer: WritableStreamDefaultWriter<Uint8Array>;
  #buffered = "";
  #failure: Error | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#reader = socket.readable.getReader();
    this.#writer = socket.writable.getWriter();
  }

  async opened(): Promise<void> {
    const connecting = this.#socket.opened.catch((cause: unknown) => {
      throw new Error("the mail server cannot be reached", { cause });
    });
    await this.#orFailure(connecting);
  }

  startTls(): void {
    // Somebody between us and the server put it there.
    if (this.#buffered !== "") throw new Error("the mail server said something before TLS began");
    this.#reader.releaseLock();
    this.#writer.releaseLock();
    this.#socket = this.#socket.startTls();
    this.#reader = this.#socket.readable.getReader();
    this.#writer = this.#socket.writable.getWriter();
  }

  /** A command and its reply. Only the verb is named when it is refused. */
  async ask(command: string, ...wanted: number[]): Promise<Reply> {
    await this.write(`${command}\r\n`);
    const reply = await this.reply();
    this.expect(reply, /^[A-Z]{4,8}\b/.exec(command)?.[0] ?? "AUTH", ...wanted);
    return reply;
  }

  expect({ code, lines }: Reply, what: string, ...wanted: number[]): void {
    if (!wanted.includes(code)) throw new Error(`the mail server answered ${what} with ${code} ${lines.join(" ")}`);
  }

  write(text: string): Promise<void> {
    return this.#orFailure(this.#writer.write(new TextEncoder().encode(text)));
  }

  async reply(): Promise<Reply> {
    const lines: string[] = [];
    while (lines.length < LINES_MAX) {
      const line = await this.#line();
      const parts = /^(\d{3})([ -]|$)(.*)$/.exec(line);
      if (!parts) throw new Error("the mail server does not speak SMTP");
      const [, code, more, text = ""] = parts;
      lines.push(text);
      if (more !== "-") return { code: Number(code), lines };
    }
    throw new Error("a reply of the mail server has no end");
  }

  /** What waits for the server fails with `reason`. */
  close(reason?: Error): void {
    this.#failure ??= reason;
    void this.#socket.close().catch(() => undefined);
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#buffered.indexOf("\n");
      if (end >= 0) {
        const line = this.#buffered.slice(0, end).replace(/\r$/, "");
        this.#buffered = this.#buffered.slice(end + 1);
        return line;
      }
      if (this.#buffered.length > LINE_MAX) throw new Error("a line of the mail server has no end");
      const { value, done } = await this.#orFailure(this.#reader.read());
      if (done) throw this.#failure ?? new Error("the mail server hung up");
      this.#buffered += String.fromCharCode(...value);
    }
  }

  async #orFailure<T>(doing: Promise<T>): Promise<T> {
    try {
      return await doing;
    } catch (error) {
      throw this.#failure ?? error;
    }
  }
}
