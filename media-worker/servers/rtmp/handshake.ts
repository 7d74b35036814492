/**
 * The server's side of the simple RTMP handshake (Adobe RTMP 1.0, section 5.2): C0 C1 → S0 S1 S2, then C2, which
 * carries nothing. Clients that try the digest form of Flash accept the simple one: our S1 claims version 0.
 */
import { ProtocolError } from "./chunk.ts";

const VERSION = 3;
const PACKET = 1536;

export class Handshake {
  /** C2 has come; whatever follows is chunks. */
  done = false;
  readonly #random: (size: number) => Buffer;
  /** C0 and C1 while incomplete. */
  #first: Buffer | null = null;
  #filled = 0;
  #left = PACKET;

  constructor(random: (size: number) => Buffer) {
    this.#random = random;
  }

  /** Bytes held. */
  get held(): number {
    return this.#first?.length ?? 0;
  }

  /** Takes what it can of `input`; `send` gets the server's half once. Returns how much was taken. */
  read(input: Buffer, send: (bytes: Buffer) => void): number {
    let at = 0;
    if (this.#filled <= PACKET) {
      if (this.#filled === 0 && input.length > 0 && input[0] !== VERSION) throw new ProtocolError("this is not RTMP");
      this.#first ??= Buffer.allocUnsafe(1 + PACKET);
      at = input.copy(this.#first, this.#filled);
      this.#filled += at;
      if (this.#filled <= PACKET) return at;
      send(Buffer.concat([this.#serverHello(), this.#first.subarray(1)]));
      this.#first = null;
    }
    const taken = Math.min(this.#left, input.length - at);
    this.#left -= taken;
    this.done = this.#left === 0;
    return at + taken;
  }

  /** S0 and S1: time 0, version 0, random bytes. */
  #serverHello(): Buffer {
    return Buffer.concat([Buffer.of(VERSION), Buffer.alloc(8), this.#random(PACKET - 8)]);
  }
}
