/** A socket of `/ws/chat` in the hands of a test that says whatever it likes, and looks at each frame that comes. */
import { ServerFrame } from "#contract/chat-frames";
import type { ChatEdge } from "./chat-edge.ts";
import { ChatSocket } from "./chat-socket.ts";

const PATIENCE_MS = 10_000;

type Type = ServerFrame["type"];
type FrameOf<T extends Type> = Extract<ServerFrame, { type: T }>;

export type LineOptions = { token?: string; batched?: boolean };

export class ChatLine {
  /** All that came, in order, each checked against the contract. */
  readonly frames: ServerFrame[] = [];
  /** With what the server closed it; null: it is open. */
  closed: number | null = null;
  #socket: ChatSocket | null = null;
  #taken = 0;
  #changed: () => void = () => undefined;

  private constructor() {}

  static async open({ origin }: Pick<ChatEdge, "origin">, options: LineOptions = {}): Promise<ChatLine> {
    const line = new ChatLine();
    line.#socket = await ChatSocket.open({
      ...options,
      url: `${origin.replace("http", "ws")}/ws/chat`,
      onFrame: (frame) => {
        line.frames.push(ServerFrame.parse(frame));
        line.#changed();
      },
      onClose: (code) => {
        line.closed = code;
        line.#changed();
      },
    });
    return line;
  }

  /** One that is in a channel. */
  static async joined(edge: Pick<ChatEdge, "origin">, options: LineOptions, channel = "general"): Promise<ChatLine> {
    const line = await ChatLine.open(edge, options);
    line.say({ type: "join", channel });
    await line.next("users");
    return line;
  }

  get socket(): ChatSocket {
    if (this.#socket === null) throw new Error("it is not open yet");
    return this.#socket;
  }

  /** A frame as JSON; text as it is; bytes as a text frame, whatever they are. */
  say(frame: unknown): void {
    const raw = typeof frame === "string" || Buffer.isBuffer(frame);
    this.socket.sendRaw(raw ? frame : JSON.stringify(frame));
  }

  /** The first frame of a type after those that were taken before. Rejects after ten seconds, or when it was closed. */
  async next<T extends Type>(type: T, fits: (frame: FrameOf<T>) => boolean = () => true): Promise<FrameOf<T>> {
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      while (this.#taken < this.frames.length) {
        const frame = this.frames[this.#taken++];
        if (frame?.type === type && fits(frame as FrameOf<T>)) return frame as FrameOf<T>;
      }
      if (this.closed !== null) throw new Error(`no ${type}: it was closed with ${this.closed}`);
      if (performance.now() > until) throw new Error(`no ${type} in ${JSON.stringify(this.frames).slice(-2000)}`);
      await this.#change();
    }
  }

  /** The code with which the server closes it. Rejects after ten seconds. */
  async end(): Promise<number> {
    const until = performance.now() + PATIENCE_MS;
    while (this.closed === null) {
      if (performance.now() > until) throw new Error("it is still open");
      await this.#change();
    }
    return this.closed;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, 100);
      this.#changed = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
