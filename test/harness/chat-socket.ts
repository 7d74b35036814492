/**
 * One socket of `/ws/chat`, made so that a single process carries a thousand of them: what many sockets are sent alike
 * is parsed once. Without a dependency on what the frames mean.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import WebSocket from "ws";
import type * as z from "zod";
import { BATCH_PROTOCOL } from "#contract/chat";
import type { ClientFrame, ServerFrame } from "#contract/chat-frames";

/** What a client may write. */
export type Sendable = z.input<typeof ClientFrame>;

export type ChatSocketOptions = {
  /** `ws://host:port/path`. */
  url: string;
  /** Sent as `Authorization: Bearer`; without it one is a guest. */
  token?: string;
  headers?: Record<string, string>;
  /** Offers `sluice.batch.v1`, and throws when it is not taken. */
  batched?: boolean;
  /** Called with each frame in order. Frames are shared with other sockets: never change one. */
  onFrame(frame: ServerFrame): void;
  onClose?(code: number, reason: string): void;
};

/** The upgrade was answered by something else than 101. */
export class UpgradeRefused extends Error {
  override name = "UpgradeRefused";
  readonly status: number;
  readonly body: string;

  constructor(status: number, body: string) {
    super(`the upgrade was answered with ${status}: ${body}`);
    this.status = status;
    this.body = body;
  }
}

const KEPT = 4000;
/** Whoever only listens says now and then that they do. */
const PING_EVERY_MS = 25_000;

/** Remembers what it parsed lately: a broadcast is one text for everybody. */
class FrameReader {
  #recent = new Map<string, readonly ServerFrame[]>();
  #before = new Map<string, readonly ServerFrame[]>();

  /** The frames of one WebSocket message: one, or those of a batch. */
  read(data: Buffer): readonly ServerFrame[] {
    // Byte for byte, which is quicker than UTF-8 and as good to look up by.
    const bytes = data.toString("latin1");
    const known = this.#recent.get(bytes) ?? this.#before.get(bytes);
    if (known !== undefined) return known;
    const value: ServerFrame | ServerFrame[] = JSON.parse(data.toString());
    const frames = Array.isArray(value) ? value : [value];
    if (this.#recent.size >= KEPT) {
      this.#before = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(bytes, frames);
    return frames;
  }
}

const reader = new FrameReader();

const textOf = async (response: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
};

export class ChatSocket {
  readonly #socket: WebSocket;
  readonly #tcp: Socket;

  private constructor(socket: WebSocket, tcp: Socket) {
    this.#socket = socket;
    this.#tcp = tcp;
  }

  /** Resolves when it is open. Rejects with `UpgradeRefused`, or with what the network says. */
  static open({ url, token, headers, batched = false, onFrame, onClose }: ChatSocketOptions): Promise<ChatSocket> {
    const socket = new WebSocket(url, batched ? [BATCH_PROTOCOL] : [], {
      perMessageDeflate: false,
      // What the server sends is checked where it is parsed.
      skipUTF8Validation: true,
      headers: { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    });
    socket.on("message", (data: Buffer) => {
      for (const frame of reader.read(data)) {
        if (frame.type === "sync") socket.send(`{"type":"synced","n":${frame.n}}`);
        else onFrame(frame);
      }
    });
    return new Promise((resolve, reject) => {
      let tcp: Socket | undefined;
      socket.once("upgrade", (response) => {
        tcp = response.socket;
      });
      socket.once("unexpected-response", (_request, response) => {
        textOf(response).then((body) => reject(new UpgradeRefused(response.statusCode ?? 0, body)), reject);
      });
      // After it was open, an error is followed by `close`.
      socket.on("error", reject);
      socket.once("close", (code, reason) => {
        reject(new Error(`closed with ${code} before it was open`));
        onClose?.(code, reason.toString());
      });
      socket.once("open", () => {
        const pings = setInterval(() => socket.send('{"type":"ping"}'), PING_EVERY_MS).unref();
        socket.once("close", () => clearInterval(pings));
        if (tcp !== undefined) resolve(new ChatSocket(socket, tcp));
      });
    });
  }

  send(frame: Sendable): void {
    this.#socket.send(JSON.stringify(frame));
  }

  /** Anything, as a text frame unless said otherwise: nobody checks that it is text. */
  sendRaw(data: string | Buffer, binary = false): void {
    this.#socket.send(data, { binary });
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** On the wire, with the WebSocket's own headers. */
  get bytesRead(): number {
    return this.#tcp.bytesRead;
  }

  get bytesWritten(): number {
    return this.#tcp.bytesWritten;
  }

  /** Stops reading from the network: what is sent piles up at the other end. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(code?: number): void {
    this.#socket.close(code);
  }

  /** As when the network is gone. */
  terminate(): void {
    this.#socket.terminate();
  }
}
