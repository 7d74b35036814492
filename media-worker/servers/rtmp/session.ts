/**
 * One RTMP connection, from its first byte to its last.
 *
 * ```
 * handshake → opened → connected → authorising → publishing → closing → closed
 * ```
 * `opened` waits for `connect`, `connected` for `publish`. While the control plane is asked, the socket is paused and
 * the rest of the input kept. `closing` has told the encoder why, and reads on (without looking) until the encoder
 * closes too: closing a socket with unread input would throw away what was told. Every state but `closed` has a
 * deadline, kept by the server's `tick`.
 */
import type { Socket } from "node:net";
import type { EndReason } from "#contract/media";
import type { PublisherConnection, PublisherInput, PublishReply } from "../../live/media.ts";
import { AmfError } from "./amf0.ts";
import { ChunkReader, MESSAGE, type MessageSink, ProtocolError } from "./chunk.ts";
import { type Command, parseCommand, streamKey, tidyApp } from "./commands.ts";
import { Handshake } from "./handshake.ts";
import { Publication, UnsupportedCodec } from "./publication.ts";
import { acknowledgement, connected, onStatus, pingResponse, preamble, publishStarted, reply } from "./replies.ts";
import type { SessionHost } from "./server.ts";
import { ENDED, MISTAKES, REFUSED, type Status, unsupportedCodec } from "./statuses.ts";

type State = "handshake" | "opened" | "connected" | "authorising" | "publishing" | "closing" | "closed";

const PING_REQUEST = 6;
/** A client that asks and never reads the answers. */
const MAX_UNREAD_REPLIES = 64 * 1024;

/** As the link's contract has it. */
const MAX_KEY = 512;

export class RtmpSession implements MessageSink, PublisherConnection {
  readonly protocol: "rtmp" | "rtmps";
  readonly ip: string;
  readonly #socket: Socket;
  readonly #host: SessionHost;
  readonly #handshake: Handshake;
  readonly #reader: ChunkReader;
  #state: State = "handshake";
  /** When the connection was accepted; later, when `authorising` or `closing` began. */
  #since: number;
  /** Something came since the last tick; when the last byte came, as ticks saw it. */
  #active = false;
  #activeAt = 0;
  /** Input behind a `publish` that is being authorised. */
  #rest: Buffer | null = null;
  #inputEnded = false;
  #held = 0;
  #bytesIn = 0;
  #acknowledged = 0;
  /**
   * Bytes between two acknowledgements; none unless the client sets it. Clients that do not ask do not read them
   * either (librtmp), and a socket closed over unread input resets the connection and loses what was under way.
   */
  #window = Number.POSITIVE_INFINITY;
  #app = "";
  #streams = 0;
  #publishStream = 0;
  #publication: Publication | null = null;
  #input: PublisherInput | null = null;
  #endReason: EndReason = "disconnected";

  constructor(socket: Socket, ip: string, host: SessionHost) {
    this.protocol = host.protocol;
    this.ip = ip;
    this.#socket = socket;
    this.#host = host;
    this.#since = host.now();
    this.#handshake = new Handshake(host.random);
    const { heldBefore } = host.limits;
    this.#reader = new ChunkReader(this, { video: heldBefore, other: heldBefore, held: heldBefore });
    socket.on("data", (data: Buffer) => this.#receive(data));
    socket.on("end", () => this.#peerEnded());
    // A reset; `close` follows.
    socket.on("error", (error) => host.log.debug({ ip, err: error }, "rtmp socket error"));
    socket.on("close", () => this.#closed());
  }

  /** Neither let in nor turned away yet. */
  get unauthorised(): boolean {
    return this.#state !== "publishing" && this.#state !== "closing" && this.#state !== "closed";
  }

  /** The hub's order: say why, and close. The hub knows the session's end itself. */
  close(reason: EndReason): void {
    this.#input = null;
    this.#endReason = reason;
    this.#leave(ENDED[reason]);
  }

  /** The server's order. */
  stop(reason: EndReason): void {
    this.#end(reason);
    this.#leave(ENDED[reason]);
  }

  /** Called a few times a second: keeps the deadlines. */
  tick(now: number): void {
    const { limits } = this.#host;
    if (this.#active) {
      this.#active = false;
      this.#activeAt = now;
    }
    const age = now - this.#since;
    switch (this.#state) {
      case "handshake":
        if (age >= limits.handshakeMs) this.#destroy();
        break;
      case "opened":
      case "connected":
        if (age >= limits.publishMs) this.#destroy();
        break;
      case "authorising":
        if (age >= limits.authoriseMs) this.#refuse(MISTAKES.noAnswer);
        break;
      case "publishing":
        if (now - this.#activeAt >= limits.idleMs) this.stop("stalled");
        break;
      case "closing":
        if (age >= limits.lingerMs) this.#destroy();
        break;
      case "closed":
        break;
    }
  }

  #receive(data: Buffer): void {
    this.#active = true;
    if (this.#state === "closing" || this.#state === "closed") return;
    this.#bytesIn += data.length;
    try {
      this.#take(data);
      if (this.#bytesIn - this.#acknowledged >= this.#window) {
        this.#acknowledged = this.#bytesIn;
        this.#send(acknowledgement(this.#bytesIn));
      }
      if (this.unauthorised) this.#countHeld();
    } catch (error) {
      this.#fail(error);
    }
  }

  #take(data: Buffer): void {
    let at = 0;
    if (!this.#handshake.done) {
      at = this.#handshake.read(data, (bytes) => this.#send(bytes));
      if (!this.#handshake.done) return;
      this.#state = "opened";
    }
    at += this.#reader.read(at === 0 ? data : data.subarray(at));
    if (this.#state === "authorising") {
      // Node reads once more before the pause takes effect; with the socket's high-water mark of 1 no more than once.
      this.#socket.pause();
      this.#rest = at < data.length ? data.subarray(at) : null;
    }
  }

  #countHeld(): void {
    const held = this.#handshake.held + this.#reader.held + (this.#rest?.length ?? 0);
    const { limits } = this.#host;
    const total = this.#host.holdBefore(held - this.#held);
    this.#held = held;
    if (held > limits.heldBefore) throw new ProtocolError("too much input before publishing");
    if (total > limits.heldBeforeTotal) throw new ProtocolError("too much input of all unauthorised connections");
  }

  message(type: number, streamId: number, timestamp: number, payload: Buffer): void {
    switch (type) {
      case MESSAGE.video:
        this.#published().video(timestamp, payload);
        break;
      case MESSAGE.audio:
        this.#published().audio(timestamp, payload);
        break;
      case MESSAGE.data:
        this.#publication?.data(payload);
        break;
      case MESSAGE.dataAmf3:
        this.#publication?.data(payload.subarray(1));
        break;
      case MESSAGE.command:
        this.#command(parseCommand(payload), streamId);
        break;
      case MESSAGE.commandAmf3:
        // One byte says that AMF 3 may follow; encoders write AMF 0 behind it.
        this.#command(parseCommand(payload.subarray(1)), streamId);
        break;
      case MESSAGE.windowAcknowledgementSize:
        if (payload.length !== 4) throw new ProtocolError("a window size that is not 4 bytes long");
        this.#window = payload.readUInt32BE(0) || Number.POSITIVE_INFINITY;
        break;
      case MESSAGE.userControl:
        if (payload.length < 2) throw new ProtocolError("a user control message without an event");
        if (payload.readUInt16BE(0) === PING_REQUEST) this.#send(pingResponse(payload.subarray(2, 6)));
        break;
      default: // acknowledgements, bandwidth, shared objects, aggregates: nothing we need
        break;
    }
  }

  #published(): Publication {
    if (this.#publication === null) throw new ProtocolError("media before publishing");
    return this.#publication;
  }

  #command(command: Command, streamId: number): void {
    const { name, transaction } = command;
    if (name === "connect") {
      this.#connect(command);
      return;
    }
    if (this.#state === "opened") throw new ProtocolError(`"${name.slice(0, 40)}" before "connect"`);
    switch (name) {
      case "createStream":
        this.#send(reply("_result", transaction, null, ++this.#streams));
        break;
      case "publish":
        this.#publish(command, streamId);
        break;
      case "FCUnpublish":
      case "deleteStream":
      case "closeStream":
        if (this.#state === "publishing") this.stop("finished");
        break;
      case "releaseStream":
      case "FCPublish":
      case "_checkbw":
        if (transaction !== 0) this.#send(reply("_result", transaction, null, undefined));
        break;
      case "play":
      case "play2":
        this.#send(onStatus(streamId, MISTAKES.play));
        if (this.#state !== "publishing") this.#leave(null);
        break;
      case "_result":
      case "_error":
      case "onStatus":
        break;
      default:
        if (transaction !== 0) this.#send(reply("_error", transaction, null, MISTAKES.unknownCommand));
    }
  }

  #connect({ transaction, object }: Command): void {
    if (this.#state !== "opened") throw new ProtocolError(`a second "connect"`);
    this.#send(preamble());
    const app = tidyApp(object?.app);
    if (object === null || app === null) {
      const status = object === null ? MISTAKES.noObject : MISTAKES.unknownApp;
      this.#host.log.info({ ip: this.ip, code: status.code }, "rtmp connection refused");
      this.#send(reply("_error", transaction, null, status));
      this.#leave(null);
      return;
    }
    this.#app = app;
    this.#state = "connected";
    const asksForCodecs = object.fourCcList !== undefined || object.videoFourCcInfoMap !== undefined;
    this.#send(connected(transaction, asksForCodecs));
  }

  #publish({ argument }: Command, streamId: number): void {
    if (this.#state === "publishing") {
      this.#send(onStatus(streamId, MISTAKES.publishing));
      return;
    }
    this.#publishStream = streamId;
    const key = streamKey(argument);
    if (key === "" || key.length > MAX_KEY) {
      this.#refuse(key === "" ? MISTAKES.noKey : MISTAKES.longKey);
      return;
    }
    this.#state = "authorising";
    this.#since = this.#host.now();
    this.#reader.halted = true;
    void this.#authorise(key);
  }

  async #authorise(key: string): Promise<void> {
    try {
      const request = { protocol: this.protocol, app: this.#app, key, ip: this.ip };
      this.#answered(await this.#host.ingest.publish(request, this));
    } catch (error) {
      this.#fail(error);
    }
  }

  #answered(answer: PublishReply): void {
    if (this.#state !== "authorising") {
      if (answer.ok) answer.input.end(this.#endReason);
      return;
    }
    if (!answer.ok) {
      this.#refuse({ level: "error", code: REFUSED[answer.reason], description: answer.message });
      return;
    }
    const { limits, now } = this.#host;
    this.#input = answer.input;
    this.#publication = new Publication(answer.input, now);
    this.#state = "publishing";
    this.#activeAt = now();
    this.#reader.limits = { video: limits.videoMessage, other: limits.otherMessage, held: limits.held };
    this.#forgetHeld();
    this.#host.settled(this);
    this.#send(publishStarted(this.#publishStream));
    // What came while the control plane was asked.
    this.#reader.halted = false;
    const rest = this.#rest;
    this.#rest = null;
    if (rest !== null) this.#take(rest);
    if (this.#inputEnded) this.#peerEnded();
    else this.#socket.resume();
  }

  #send(bytes: Buffer): void {
    if (this.#state === "closing" || this.#state === "closed") return;
    if (this.#socket.writableLength > MAX_UNREAD_REPLIES) throw new ProtocolError("replies are not read");
    this.#socket.write(bytes);
  }

  /** A publisher that is not let in. */
  #refuse(status: Status): void {
    this.#host.log.info({ ip: this.ip, code: status.code }, "rtmp publisher refused");
    this.#leave(status);
  }

  /** Something in the input, or in what the hub did with it, is wrong. */
  #fail(error: unknown): void {
    if (error instanceof UnsupportedCodec) {
      this.#host.log.info({ ip: this.ip, codec: error.codec }, "rtmp publisher sends an unsupported codec");
      this.#end("unsupported");
      this.#leave(unsupportedCodec(error.kind, error.codec));
      return;
    }
    if (error instanceof ProtocolError || error instanceof AmfError) {
      this.#host.log.info({ ip: this.ip, state: this.#state, why: error.message }, "rtmp protocol error");
      this.#end("protocol_error");
      this.#destroy();
      return;
    }
    this.#host.log.error({ ip: this.ip, err: error }, "rtmp session failed");
    this.#end("protocol_error");
    this.#leave(MISTAKES.failed);
  }

  #destroy(): void {
    this.#host.log.debug({ ip: this.ip, state: this.#state }, "rtmp connection dropped");
    this.#state = "closed";
    this.#socket.destroy();
  }

  #peerEnded(): void {
    this.#inputEnded = true;
    // A paused socket tells of its end all the same: what came before it is still to be taken.
    if (this.#state === "authorising") return;
    this.#end("disconnected");
    this.#leave(null);
  }

  #end(reason: EndReason): void {
    this.#endReason = reason;
    const input = this.#input;
    this.#input = null;
    try {
      input?.end(reason);
    } catch (error) {
      // Called from timers and socket events, where it would end the process and all other sessions with it.
      this.#host.log.error({ ip: this.ip, err: error }, "the hub failed to end a session");
    }
  }

  /** Tells the encoder, closes our side, and leaves the rest to the encoder or to the deadline. */
  #leave(status: Status | null): void {
    if (this.#state === "closing" || this.#state === "closed") return;
    if (status !== null) this.#socket.write(onStatus(this.#publishStream, status));
    this.#state = "closing";
    this.#since = this.#host.now();
    this.#reader.halted = true;
    this.#rest = null;
    this.#publication = null;
    this.#forgetHeld();
    this.#host.settled(this);
    this.#socket.end();
    this.#socket.resume();
  }

  #forgetHeld(): void {
    this.#host.holdBefore(-this.#held);
    this.#held = 0;
  }

  #closed(): void {
    this.#state = "closed";
    this.#forgetHeld();
    this.#end("disconnected");
    this.#host.closed(this);
  }
}
