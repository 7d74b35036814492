/** One socket of `/ws/chat` that comes back by itself. It parses what it hears and knows when nobody is there. */
import type { z } from "zod";
import { CHAT_CLOSE, type ClientFrame, ServerFrame } from "#contract/chat-frames";
import { BackOff } from "#kit/back-off";

const CONNECT_MS = 10_000;
/** So long nothing was heard: it is asked whether anybody is there. */
const QUIET_MS = 25_000;
const ANSWER_MS = 10_000;
/** After a wake-up nobody wants to wait so long. */
const ANSWER_AWAKE_MS = 5_000;
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 15_000;
/** A connection that held so long was a good one: the next wait is short again. */
const STABLE_MS = 10_000;
const FLOODING_MS = 30_000;

export type Link =
  /** Not wanted. */
  | { state: "closed" }
  | { state: "connecting" }
  | { state: "open" }
  /** Until the next try (UTC ms). */
  | { state: "waiting"; until: number }
  /** The session does not hold: trying again is no use. */
  | { state: "over" };

export type Saying = z.input<typeof ClientFrame>;

/** The little of a `WebSocket` that is used. */
export type Socket = Pick<WebSocket, "send" | "close" | "addEventListener">;

export type ConnectionOptions = {
  socket(): Socket;
  wakeUps(listener: () => void): () => void;
  /** Everything of one message, in order; what keeps the connection going is left out. */
  hear(frames: ServerFrame[]): void;
  changed(link: Link): void;
  /** 0 ≤ n < 1, for the waits between tries. */
  random?: () => number;
};

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #backOff: BackOff;
  #link: Link = { state: "closed" };
  #socket: Socket | null = null;
  #hangUp = () => {};
  #stopWaking = () => {};
  /** Of the one thing that is waited for: an open socket, an answer, the next try. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #openSince = Number.POSITIVE_INFINITY;
  /** No wake-up brings a try before. */
  #notBefore = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#backOff = new BackOff(RETRY_MIN_MS, RETRY_MAX_MS, options.random);
  }

  open(): void {
    if (this.#link.state !== "closed" && this.#link.state !== "over") return;
    this.#backOff.reset();
    this.#stopWaking = this.#options.wakeUps(() => this.#wake());
    this.#connect();
  }

  close(): void {
    this.#end({ state: "closed" });
  }

  /** False: there is no connection, and nothing was sent. */
  send(frame: Saying): boolean {
    if (this.#link.state !== "open" || this.#socket === null) return false;
    // The server takes this character for bytes that are no UTF-8; somebody may well have pasted it.
    this.#socket.send(JSON.stringify(frame).replaceAll("\ufffd", "\\ufffd"));
    return true;
  }

  #connect(): void {
    const socket = this.#options.socket();
    const ended = new AbortController();
    const until = { signal: ended.signal };
    this.#socket = socket;
    this.#hangUp = () => {
      ended.abort();
      socket.close();
    };
    socket.addEventListener("open", () => this.#opened(), until);
    socket.addEventListener("message", ({ data }) => this.#heard(data), until);
    socket.addEventListener("close", ({ code }) => this.#lost(code), until);
    this.#after(CONNECT_MS, () => this.#lost());
    this.#change({ state: "connecting" });
  }

  #opened(): void {
    this.#openSince = Date.now();
    this.#listen();
    this.#change({ state: "open" });
  }

  #heard(data: unknown): void {
    this.#listen();
    const frames = typeof data === "string" ? framesOf(data) : [];
    const news = frames.filter(({ type }) => type !== "sync" && type !== "pong");
    if (news.length > 0) this.#options.hear(news);
    for (const frame of frames) if (frame.type === "sync") this.send({ type: "synced", n: frame.n });
  }

  #listen(): void {
    this.#after(QUIET_MS, () => this.#ask(ANSWER_MS));
  }

  #ask(patience: number): void {
    this.send({ type: "ping" });
    this.#after(patience, () => this.#lost());
  }

  #lost(code?: number): void {
    if (code === CHAT_CLOSE.unauthenticated) {
      this.#end({ state: "over" });
      return;
    }
    this.#hangUp();
    this.#socket = null;
    if (Date.now() - this.#openSince > STABLE_MS) this.#backOff.reset();
    this.#openSince = Number.POSITIVE_INFINITY;
    const penance = code === CHAT_CLOSE.flooding ? FLOODING_MS : 0;
    const wait = penance + this.#backOff.next();
    this.#notBefore = Date.now() + penance;
    this.#after(wait, () => this.#connect());
    this.#change({ state: "waiting", until: Date.now() + wait });
  }

  #wake(): void {
    if (this.#link.state === "open") this.#ask(ANSWER_AWAKE_MS);
    else if (this.#link.state === "waiting" && Date.now() >= this.#notBefore) this.#connect();
  }

  #end(link: Link): void {
    clearTimeout(this.#timer);
    this.#hangUp();
    this.#socket = null;
    this.#stopWaking();
    this.#change(link);
  }

  #after(ms: number, action: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(action, ms);
  }

  #change(link: Link): void {
    this.#link = link;
    this.#options.changed(link);
  }
}

/** One frame, or an array of frames. What is not understood is left out: a newer server may say more. */
function framesOf(text: string): ServerFrame[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [];
  }
  return (Array.isArray(value) ? value : [value]).flatMap((each) => ServerFrame.safeParse(each).data ?? []);
}
