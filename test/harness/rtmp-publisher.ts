/**
 * A raw RTMP publisher for tests: every message, time stamp, chunk form and byte is the test's to choose.
 *
 * ```ts
 * const publisher = await openPublisher({ port });          // TCP, handshake, connect, createStream
 * const status = await publisher.publish("live_…");         // { code: "NetStream.Publish.Start", … }
 * publisher.send(source.videoHeader, 0, "video");           // FLV tag bodies, e.g. of `makeSource`
 * await feed(publisher, source, { seconds: 5 });            // in real time
 * publisher.deleteStream(); publisher.fin();
 * ```
 */
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { type AmfObject, type AmfValue, decodeAmf0, encodeAmf0 } from "../../media-worker/servers/rtmp/amf0.ts";
import { ChunkReader, MESSAGE } from "../../media-worker/servers/rtmp/chunk.ts";
import { ChunkWriter, type OutgoingMessage } from "./rtmp-chunk-writer.ts";

export type RtmpStatus = { code: string; level: string; description: string };

export type Kind = "video" | "audio" | "data";

const KINDS = {
  video: { type: MESSAGE.video, csid: 6 },
  audio: { type: MESSAGE.audio, csid: 4 },
  data: { type: MESSAGE.data, csid: 5 },
} as const;

const PATIENCE_MS = 10_000;

export class RtmpPublisher {
  readonly socket: Socket;
  readonly chunks = new ChunkWriter();
  /** Every status the server sent, connect's included. */
  readonly statuses: RtmpStatus[] = [];
  /** Every other message the server sent. */
  readonly received: { type: number; payload: Buffer }[] = [];
  /** Resolves when the socket is closed, by whichever side. */
  readonly closed: Promise<void>;
  /** The message stream, as `createStream` gave it. */
  streamId = 1;
  isClosed = false;
  #transaction = 0;
  #handshakeLeft = 1 + 2 * 1536;
  #awaited = 0;
  readonly #results = new Map<number, AmfValue[]>();
  readonly #reader = new ChunkReader(
    { message: (type, _stream, _timestamp, payload) => this.#handle(type, payload) },
    { video: 1e6, other: 1e6, held: 1e7 },
  );
  #wake: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (data: Buffer) => this.#receive(data));
    socket.on("error", () => this.#notify());
    this.closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.isClosed = true;
        this.#notify();
        resolve();
      });
    });
  }

  /** C0, C1, and, when the server has answered, C2. */
  async handshake(): Promise<void> {
    this.raw(Buffer.concat([Buffer.of(3), Buffer.alloc(1536, 1)]));
    await this.#until(() => this.#handshakeLeft === 0, "the handshake's answer");
    this.raw(Buffer.alloc(1536, 2));
  }

  /** The status of the answer, `_result` or `_error`. */
  async connect(app = "live", properties: AmfObject = {}): Promise<RtmpStatus> {
    const object = { app, type: "nonprivate", tcUrl: `rtmp://127.0.0.1/${app}`, ...properties };
    const [, , , information] = await this.call("connect", object);
    const status = readStatus(information);
    this.statuses.push(status);
    this.#awaited = this.statuses.length;
    return status;
  }

  async createStream(): Promise<number> {
    const [, , , id] = await this.call("createStream", null);
    this.streamId = Number(id);
    return this.streamId;
  }

  /** Sends `publish` and waits for the status that answers it. */
  publish(key: string, type = "live"): Promise<RtmpStatus> {
    this.command("publish", 0, [null, key, type], this.streamId);
    return this.nextStatus();
  }

  /** Sends a command with a transaction id of its own and waits for the answer's values. */
  async call(name: string, ...values: AmfValue[]): Promise<AmfValue[]> {
    const transaction = ++this.#transaction;
    this.command(name, transaction, values);
    await this.#until(() => this.#results.has(transaction), `the answer to ${name}`);
    return this.#results.get(transaction) ?? [];
  }

  command(name: string, transaction: number, values: AmfValue[], streamId = 0): void {
    this.message({ csid: 3, type: MESSAGE.command, streamId, payload: encodeAmf0(name, transaction, ...values) });
  }

  /** The next status that no call has waited for yet. */
  async nextStatus(): Promise<RtmpStatus> {
    await this.#until(() => this.statuses.length > this.#awaited, "a status");
    return this.statuses[this.#awaited++]!;
  }

  setChunkSize(size: number): void {
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(size);
    this.message({ csid: 2, type: MESSAGE.setChunkSize, payload });
    this.chunks.chunkSize = size;
  }

  /** An FLV tag's body as a message; `timestamp` in ms, taken modulo 2^32. */
  send(body: Buffer, timestamp: number, kind: Kind, options: { csid?: number; format?: 0 | 1 | 2 | 3 } = {}): void {
    const { type, csid } = KINDS[kind];
    this.message({ csid, type, streamId: this.streamId, timestamp, payload: body, ...options });
  }

  /** `@setDataFrame("onMetaData", …)` with an ECMA array, as encoders do. */
  metadata(metadata: AmfObject, timestamp = 0): void {
    const entries = encodeAmf0(metadata).subarray(1);
    const head = Buffer.of(8, 0, 0, 0, Object.keys(metadata).length);
    this.send(Buffer.concat([encodeAmf0("@setDataFrame", "onMetaData"), head, entries]), timestamp, "data");
  }

  message(message: OutgoingMessage): void {
    this.raw(this.chunks.encode(message));
  }

  fcUnpublish(key: string): void {
    this.command("FCUnpublish", ++this.#transaction, [null, key]);
  }

  deleteStream(): void {
    this.command("deleteStream", ++this.#transaction, [null, this.streamId]);
  }

  raw(bytes: Buffer): void {
    if (!this.isClosed) this.socket.write(bytes);
  }

  /** Closes our side, behind everything sent so far. */
  fin(): void {
    this.socket.end();
  }

  /** Resets the connection, as a dying machine's peer sees it. What was sent may be lost on the way. */
  rst(): void {
    this.socket.resetAndDestroy();
  }

  /** Resolves when all that was sent has been handed to the kernel. */
  async flushed(): Promise<void> {
    await this.#until(() => this.socket.writableLength === 0, "the socket to take what was sent");
  }

  #handle(type: number, payload: Buffer): void {
    if (type !== MESSAGE.command) {
      this.received.push({ type, payload: Buffer.from(payload) });
      return;
    }
    const values = decodeAmf0(payload);
    const [name, transaction] = values;
    if (name === "onStatus") this.statuses.push(readStatus(values[3]));
    else if (name === "_result" || name === "_error") this.#results.set(Number(transaction), values);
    else this.received.push({ type, payload: Buffer.from(payload) });
  }

  #receive(data: Buffer): void {
    const skipped = Math.min(this.#handshakeLeft, data.length);
    this.#handshakeLeft -= skipped;
    this.#reader.read(data.subarray(skipped));
    this.#notify();
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }

  async #until(done: () => boolean, what: string): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (!done()) {
      if (this.isClosed) throw new Error(`the connection was closed before ${what} came`);
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`${what} did not come in ${PATIENCE_MS} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(left, 50));
        this.#wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }
}

function readStatus(information: AmfValue): RtmpStatus {
  if (typeof information !== "object" || information === null || Array.isArray(information))
    throw new Error("the server sent a status without an information object");
  const { code, level, description } = information;
  return { code: String(code), level: String(level), description: String(description) };
}

export type OpenOptions = {
  port: number;
  host?: string;
  app?: string;
  /** Speak TLS, and trust any certificate. */
  tls?: boolean;
  /** Further properties of the connect object. */
  properties?: AmfObject;
};

/** TCP (or TLS) only. */
export async function openSocket({ port, host = "127.0.0.1", tls }: OpenOptions): Promise<RtmpPublisher> {
  const socket = tls
    ? connectTls({ port, host, rejectUnauthorized: false })
    : connectTcp({ port, host, noDelay: true });
  const publisher = new RtmpPublisher(socket);
  await new Promise((resolve, reject) => {
    socket.once(tls ? "secureConnect" : "connect", resolve);
    socket.once("error", reject);
  });
  return publisher;
}

/** All that comes before `publish`. */
export async function openPublisher(options: OpenOptions): Promise<RtmpPublisher> {
  const publisher = await openSocket(options);
  await publisher.handshake();
  const status = await publisher.connect(options.app, options.properties);
  if (status.code !== "NetConnection.Connect.Success") throw new Error(`${status.code}: ${status.description}`);
  await publisher.createStream();
  return publisher;
}

/** What `feed` sends: `Source` of `h264-source.ts` fits. */
export type Feed = {
  metadata: AmfObject | null;
  videoHeader: Buffer | null;
  audioHeader: Buffer | null;
  tags: { kind: "video" | "audio"; timestamp: number; body: Buffer }[];
};

export type FeedOptions = {
  /** Seconds of the source to send; all of it by default. */
  seconds?: number;
  /** Where in the source to begin, in seconds. */
  from?: number;
  /** 1: real time. `Infinity`: as fast as the socket takes it. */
  speed?: number;
  /** The time stamp to send instead of the source's own. */
  timestamp?: (timestamp: number, kind: "video" | "audio") => number;
  /** Send metadata and sequence headers first. */
  headers?: boolean;
  /** Leave out what this refuses. */
  only?: (tag: Feed["tags"][number]) => boolean;
  signal?: AbortSignal;
};

/** Sends a source as an encoder would, at the pace of the source's own time stamps. Ends early when the socket closes. */
export async function feed(publisher: RtmpPublisher, source: Feed, options: FeedOptions = {}): Promise<void> {
  const { from = 0, seconds = Number.POSITIVE_INFINITY, speed = 1, timestamp = (t: number) => t, only } = options;
  const first = source.tags[0]?.timestamp ?? 0;
  const begin = first + from * 1000;
  const selected = source.tags.filter(
    (tag) => tag.timestamp >= begin && tag.timestamp < begin + seconds * 1000 && (only === undefined || only(tag)),
  );
  if (options.headers !== false) {
    if (source.metadata !== null) publisher.metadata(source.metadata, timestamp(begin, "video"));
    if (source.videoHeader !== null) publisher.send(source.videoHeader, timestamp(begin, "video"), "video");
    if (source.audioHeader !== null) publisher.send(source.audioHeader, timestamp(begin, "audio"), "audio");
  }
  const start = performance.now();
  for (const tag of selected) {
    const due = start + (tag.timestamp - begin) / speed;
    while (performance.now() < due || publisher.socket.writableLength > 1e6) {
      if (publisher.isClosed || options.signal?.aborted) return;
      await new Promise((resolve) => setTimeout(resolve, Math.min(20, Math.max(1, due - performance.now()))));
    }
    if (publisher.isClosed || options.signal?.aborted) return;
    publisher.send(tag.body, timestamp(tag.timestamp, tag.kind), tag.kind);
  }
}
