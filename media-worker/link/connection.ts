/**
 * The WebSocket to the control plane: connects, says hello, keeps connecting. What comes and goes on it is `UpFrame`
 * and `DownFrame`; what a lost link means for publishers is the supervisor's affair.
 */
import { WebSocket } from "ws";
import type { AuthoriseReply, AuthoriseRequest, UpFrame } from "#contract/media";
import { DownFrame, LINK_CLOSE } from "#contract/media";
import { BackOff } from "#kit/back-off";
import type { Log } from "../log.ts";

const RECONNECT_MS = { first: 100, most: 2_000 };
const HANDSHAKE_MS = 5_000;
/** From hello to welcome. */
const WELCOME_MS = 10_000;
/** A link on which nothing comes back, not even a pong. */
const PING_MS = 5_000;
const FRAME_MAX_BYTES = 1 << 20;

export type Hello = Extract<UpFrame, { type: "hello" }>;
export type Welcome = Extract<DownFrame, { type: "welcome" }>;
export type Order = Exclude<DownFrame, Welcome | { type: "authorised" }>;

/**
 * `down`: between two attempts. `connecting`: an attempt is under way, and its outcome is worth waiting for.
 * `up`: welcomed.
 */
type State = "down" | "connecting" | "up";

export type ConnectionOptions = {
  /** `ws://…/internal/media/link` */
  url: string;
  /** A fresh bearer token. Rejects when there is no identity yet. */
  token(): Promise<string>;
  /** Asked for anew at each connect. */
  hello(): Promise<Hello>;
  onWelcome(welcome: Welcome): void;
  onOrder(order: Order): void;
  /** The control plane does not know us. */
  onRefused(): Promise<void>;
  log: Log;
};

type Asked = { resolve: (reply: AuthoriseReply | null) => void };

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #backOff = new BackOff(RECONNECT_MS.first, RECONNECT_MS.most);
  readonly #asked = new Map<string, Asked>();
  #state: State = "down";
  #socket: WebSocket | null = null;
  #outcome = Promise.withResolvers<void>();
  #wanted = true;
  #timer: NodeJS.Timeout | undefined;
  #nextRid = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  get isUp(): boolean {
    return this.#state === "up";
  }

  start(): void {
    void this.#connect();
  }

  /** No more attempts. */
  stop(): void {
    this.#wanted = false;
    clearTimeout(this.#timer);
    this.#socket?.close(1000, "the media worker stops");
    this.#lost();
  }

  /** Connects anew, so that hello puts both sides right. */
  reset(reason: string): void {
    if (!this.#socket) return;
    this.#options.log.info({ reason }, "link reset");
    this.#socket.terminate();
  }

  /** False when the link is down: whoever comes after it learns the state from hello. */
  send(frame: UpFrame): boolean {
    if (this.#state !== "up" || !this.#socket) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** Null when no answer came in time, or the link is down. */
  async authorise(request: AuthoriseRequest, timeout_ms: number): Promise<AuthoriseReply | null> {
    const late = Promise.withResolvers<null>();
    const timer = setTimeout(() => late.resolve(null), timeout_ms);
    try {
      if (this.#state === "connecting") await Promise.race([this.#outcome.promise, late.promise]);
      const rid = String(this.#nextRid++);
      if (!this.send({ type: "authorise", rid, request })) return null;
      const answer = Promise.withResolvers<AuthoriseReply | null>();
      this.#asked.set(rid, answer);
      const reply = await Promise.race([answer.promise, late.promise]);
      this.#asked.delete(rid);
      return reply;
    } finally {
      clearTimeout(timer);
    }
  }

  async #connect(): Promise<void> {
    const { url, token, log } = this.#options;
    this.#state = "connecting";
    this.#outcome = Promise.withResolvers<void>();
    let bearer: string;
    try {
      bearer = await token();
    } catch (error) {
      log.debug({ err: error }, "no identity yet");
      this.#lost();
      return;
    }
    if (!this.#wanted) return;
    const socket = new WebSocket(url, {
      headers: { authorization: `Bearer ${bearer}` },
      handshakeTimeout: HANDSHAKE_MS,
      maxPayload: FRAME_MAX_BYTES,
      perMessageDeflate: false,
      followRedirects: false,
    });
    this.#socket = socket;
    let refused: Promise<void> | undefined;
    socket.on("open", () => void this.#greet(socket));
    socket.on("message", (data, isBinary) => this.#take(socket, isBinary ? null : String(data)));
    socket.on("unexpected-response", (request, response) => {
      log.warn({ status: response.statusCode }, "the control plane refused the link");
      if (response.statusCode === 401 || response.statusCode === 403) refused = this.#options.onRefused();
      request.destroy();
      socket.terminate();
    });
    socket.on("error", (error) => log.debug({ err: error }, "link error"));
    socket.on("close", (code, reason) => {
      if (this.#socket !== socket) return;
      if (this.#state === "up") log.warn({ code, reason: String(reason) }, "link lost");
      if (code === LINK_CLOSE.unsupportedVersion || code === LINK_CLOSE.badFrame) {
        log.error({ code, reason: String(reason) }, "the control plane does not speak our link");
      }
      void Promise.resolve(refused).then(() => this.#lost());
    });
    this.#watch(socket);
  }

  async #greet(socket: WebSocket): Promise<void> {
    try {
      const hello = await this.#options.hello();
      if (socket.readyState !== WebSocket.OPEN) return;
      socket.send(JSON.stringify(hello satisfies UpFrame));
      setTimeout(() => {
        if (this.#socket === socket && this.#state === "connecting") this.reset("no welcome");
      }, WELCOME_MS).unref();
    } catch (error) {
      this.#options.log.error({ err: error }, "no hello");
      socket.terminate();
    }
  }

  #take(socket: WebSocket, text: string | null): void {
    if (this.#socket !== socket) return;
    const frame = text === null ? null : parse(text);
    if (!frame) {
      this.#options.log.error("the control plane sent a frame that is not known");
      return;
    }
    switch (frame.type) {
      case "welcome":
        this.#state = "up";
        this.#backOff.reset();
        this.#options.onWelcome(frame);
        this.#outcome.resolve();
        break;
      case "authorised":
        this.#asked.get(frame.rid)?.resolve(frame.reply);
        break;
      default:
        this.#options.onOrder(frame);
    }
  }

  /** A half-open link does not close by itself for many minutes. */
  #watch(socket: WebSocket): void {
    let answered = true;
    socket.on("pong", () => {
      answered = true;
    });
    const timer = setInterval(() => {
      if (socket.readyState === WebSocket.CONNECTING) return;
      if (!answered) this.reset("no pong");
      answered = false;
      if (socket.readyState === WebSocket.OPEN) socket.ping();
    }, PING_MS);
    socket.once("close", () => clearInterval(timer));
  }

  #lost(): void {
    this.#socket = null;
    this.#state = "down";
    for (const { resolve } of this.#asked.values()) resolve(null);
    this.#asked.clear();
    this.#outcome.resolve();
    if (this.#wanted) this.#timer = setTimeout(() => void this.#connect(), this.#backOff.next());
  }
}

function parse(text: string): DownFrame | null {
  try {
    return DownFrame.parse(JSON.parse(text));
  } catch {
    return null; // logged by the caller: a newer control plane may know frames that we do not
  }
}
