/** One socket at a gateway, with whoever sits at its other end. */
import type * as z from "zod";
import { CHANGE_TYPES, type Change, type ClientFrame, ServerFrame } from "#contract/chat-frames";
import type { ChatSocket, SeatMemory } from "../../durable-objects/chat/seat.ts";
import type { GatewayHost } from "./chat-world.ts";

export type Sendable = z.input<typeof ClientFrame>;
/** All microtasks have run, and those that they made. */
export const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

type FrameOf<T extends ServerFrame["type"]> = Extract<ServerFrame, { type: T }>;

export class ChatPerson implements ChatSocket {
  readonly id: string;
  /** As they came: each is one frame, or an array of them. */
  readonly texts: string[] = [];
  closed: { code: number; reason: string } | null = null;
  /** The runtime knows that it has ended, and tells nobody. */
  lost = false;
  memory: SeatMemory | null = null;
  /** UTC ms of the last ping that the runtime answered. */
  pinged: number | null = null;
  /** Answers a `sync` at once. */
  reads = true;
  readonly #host: GatewayHost;
  #taken = 0;

  constructor(host: GatewayHost, id: string) {
    this.#host = host;
    this.id = id;
  }

  // What the gateway does with it

  send(text: string): void {
    if (this.closed) return;
    this.texts.push(text);
    if (this.reads) this.#answer(text);
  }

  close(code: number, reason: string): void {
    this.closed = { code, reason };
  }

  remember(memory: SeatMemory | null): void {
    this.memory = structuredClone(memory);
  }

  isOpen(): boolean {
    return this.closed === null && !this.lost;
  }

  pingedAt(): number | null {
    return this.pinged;
  }

  // What its person does

  /** Resolves when all that follows at once has happened. */
  async say(frame: Sendable): Promise<void> {
    await this.sayRaw(JSON.stringify(frame));
  }

  async sayRaw(data: string | ArrayBuffer): Promise<void> {
    this.#host.gateway.receive(this.id, data);
    await settled();
  }

  async join(channel_id: number): Promise<void> {
    await this.say({ type: "join", channel_id });
  }

  /** Its network goes away, and the gateway hears of that. */
  async leave(): Promise<void> {
    this.closed ??= { code: 1005, reason: "" };
    this.#host.gateway.disconnect(this.id);
    await settled();
  }

  /** Says that it has read all that it was asked for. */
  async catchUp(): Promise<void> {
    this.reads = true;
    for (const text of this.texts) this.#answer(text);
    await settled();
  }

  // What it saw

  /** Everything, checked against the contract. */
  get frames(): ServerFrame[] {
    return framesOf(this.texts);
  }

  /** What has come since the last time. */
  take(): ServerFrame[] {
    const fresh = this.takeTexts();
    return framesOf(fresh);
  }

  takeTexts(): string[] {
    const fresh = this.texts.slice(this.#taken);
    this.#taken = this.texts.length;
    return fresh;
  }

  of<T extends ServerFrame["type"]>(type: T): FrameOf<T>[] {
    return this.frames.filter((frame): frame is FrameOf<T> => frame.type === type);
  }

  last<T extends ServerFrame["type"]>(type: T): FrameOf<T> {
    const frame = this.of(type).at(-1);
    if (!frame) throw new Error(`it was sent no ${type}`);
    return frame;
  }

  /** Of all changes, in the order in which they came. */
  get revs(): number[] {
    return revsOf(this.frames);
  }

  #answer(text: string): void {
    for (const [, n] of text.matchAll(/"type":"sync","n":(\d+)/g)) {
      const answer = JSON.stringify({ type: "synced", n: Number(n) } satisfies Sendable);
      queueMicrotask(() => this.#host.gateway.receive(this.id, answer));
    }
  }
}

const framesOf = (texts: readonly string[]): ServerFrame[] =>
  texts
    .flatMap((text): unknown => JSON.parse(text))
    .map((frame) => ServerFrame.parse(frame))
    .filter(({ type }) => type !== "sync");

export const isChange = (frame: ServerFrame): frame is Change => CHANGE_TYPES.has(frame.type);

export const revsOf = (frames: readonly ServerFrame[]): number[] => frames.filter(isChange).map(({ rev }) => rev);

export const typesOf = (frames: readonly ServerFrame[]): ServerFrame["type"][] => frames.map(({ type }) => type);

/** What somebody says, and what is heard of it. */
export const say = (message: string, nonce?: string): Sendable => ({
  type: "message",
  message,
  ...(nonce && { nonce }),
});
export const said = (frames: readonly ServerFrame[]): string[] =>
  frames.flatMap((frame) => (frame.type === "message" ? frame.message : []));

/** Changes by their number, the rest by type; who comes and goes is left out. */
export const short = (frames: readonly ServerFrame[]): (number | string)[] =>
  frames.filter(({ type }) => type !== "user_joined").map((frame) => (isChange(frame) ? frame.rev : frame.type));

/** The last change that a client has after these frames, by its rules. Throws at a change that is not the next one. */
export function followed(frames: readonly ServerFrame[]): number | null {
  let rev: number | null = null;
  for (const frame of frames) {
    if (frame.type === "history" && frame.before_id === undefined) rev = frame.rev;
    else if (isChange(frame)) {
      if (frame.rev !== (rev ?? 0) + 1) throw new Error(`change ${frame.rev} came after ${rev}`);
      rev = frame.rev;
    }
  }
  return rev;
}
