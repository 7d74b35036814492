/**
 * The loads of a chat room, whoever serves it. Messages have numbers, and who has which is counted, so that what was
 * lost or came twice is seen. All members are in this process, apart from the server.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { cpuSeconds } from "./processes.ts";

/** One socket in the room, with an account of its own where there are accounts. */
export type Member = {
  /** Says message `n`. */
  send(n: number): void;
  bytesRead(): number;
  leave(): void;
};

/** Member `member` has received message `n`. */
export type Got = (n: number, member: number) => void;

export type ChatPeer = {
  name: string;
  /** Of the server. */
  pid: number;
  /** Calls between objects since the start. */
  calls(): Promise<Record<string, number>>;
  enter(count: number, got: Got): Promise<Member[]>;
};

/** What happened in a stretch of time. */
export type Flow = {
  seconds: number;
  messages: number;
  deliveries: number;
  /** Read from all sockets, with the frames' own headers. */
  bytes: number;
  /** Seconds of one core. */
  server_cpu: number;
  client_cpu: number;
  calls: Record<string, number>;
};

export type Latencies = { p50_ms: number; p99_ms: number; max_ms: number };

/** When nothing has come for so long, nothing more will. */
const QUIET_MS = 3000;

export class LoadedRoom {
  readonly #peer: ChatPeer;
  #members: Member[] = [];
  /** For each message, how often each member has it. */
  readonly #copies: Uint8Array[] = [];
  /** For each message, how many members have it. */
  readonly #reached: number[] = [];
  /** How many messages everybody has. */
  #complete = 0;
  #deliveries = 0;
  #doubled = 0;
  #onGot: (n: number) => void = () => undefined;
  #onComplete: () => void = () => undefined;

  private constructor(peer: ChatPeer) {
    this.#peer = peer;
  }

  static async enter(peer: ChatPeer, count: number): Promise<LoadedRoom> {
    const room = new LoadedRoom(peer);
    room.#members = await peer.enter(count, (n, member) => room.#got(n, member));
    return room;
  }

  /** As many messages under way as `inFlight`, always: a new one when everybody has one. All members send in turn. */
  async saturate(inFlight: number, warmSeconds: number, seconds: number): Promise<Flow> {
    this.#onComplete = () => this.#send(this.#copies.length % this.#members.length);
    for (let n = 0; n < inFlight; n++) this.#onComplete();
    await sleep(warmSeconds * 1000);
    const flow = await this.#during(() => sleep(seconds * 1000));
    this.#onComplete = () => undefined;
    await this.#drain();
    return flow;
  }

  /** `perSecond` messages from `senders` members in turn. Latency counts from when a message was due to be sent. */
  async pace(perSecond: number, senders: number, seconds: number): Promise<Flow & Latencies> {
    const took = new Float64Array(Math.ceil(perSecond * seconds) * this.#members.length);
    const due: number[] = [];
    const first = this.#copies.length;
    let count = 0;
    this.#onGot = (n) => {
      const at = due[n - first];
      if (at !== undefined && count < took.length) took[count++] = performance.now() - at;
    };
    const stride = Math.floor(this.#members.length / senders);
    const flow = await this.#during(async () => {
      const start = performance.now();
      for (let n = 0; n < perSecond * seconds; n++) {
        const at = start + (n * 1000) / perSecond;
        await sleep(Math.max(0, at - performance.now()));
        due.push(at);
        this.#send((n % senders) * stride);
      }
      await this.#drain();
    });
    this.#onGot = () => undefined;
    const sorted = took.subarray(0, count).sort();
    const at = (share: number) => sorted[Math.min(count - 1, Math.floor(count * share))] ?? Number.NaN;
    return { ...flow, seconds, p50_ms: at(0.5), p99_ms: at(0.99), max_ms: at(1) };
  }

  /** Deliveries that are missing by now, and that came more than once, since everybody entered. */
  faults(): { lost: number; doubled: number } {
    const lost = this.#reached.reduce((sum, count) => sum + this.#members.length - count, 0);
    return { lost, doubled: this.#doubled };
  }

  leave(): void {
    for (const member of this.#members) member.leave();
  }

  #send(member: number): void {
    const n = this.#copies.push(new Uint8Array(this.#members.length)) - 1;
    this.#reached.push(0);
    this.#members[member]?.send(n);
  }

  #got(n: number, member: number): void {
    const copies = this.#copies[n];
    if (copies === undefined) return; // of somebody before us
    this.#deliveries++;
    const had = copies[member] ?? 0;
    copies[member] = had + 1;
    this.#onGot(n);
    if (had > 0) {
      this.#doubled++;
      return;
    }
    const reached = (this.#reached[n] ?? 0) + 1;
    this.#reached[n] = reached;
    if (reached < this.#members.length) return;
    this.#complete++;
    this.#onComplete();
  }

  async #drain(): Promise<void> {
    let deliveries = -1;
    let since = performance.now();
    while (this.#complete < this.#copies.length && performance.now() - since < QUIET_MS) {
      if (this.#deliveries !== deliveries) since = performance.now();
      deliveries = this.#deliveries;
      await sleep(20);
    }
  }

  async #during(work: () => Promise<unknown>): Promise<Flow> {
    const before = await this.#counts();
    const start = performance.now();
    await work();
    const seconds = (performance.now() - start) / 1000;
    const after = await this.#counts();
    const calls = Object.entries(after.calls).map(([name, count]) => [name, count - (before.calls[name] ?? 0)]);
    return {
      seconds,
      messages: after.complete - before.complete,
      deliveries: after.deliveries - before.deliveries,
      bytes: after.bytes - before.bytes,
      server_cpu: after.server_cpu - before.server_cpu,
      client_cpu: after.client_cpu - before.client_cpu,
      calls: Object.fromEntries(calls),
    };
  }

  async #counts() {
    const calls = await this.#peer.calls();
    return {
      calls,
      complete: this.#complete,
      deliveries: this.#deliveries,
      bytes: this.#members.reduce((sum, member) => sum + member.bytesRead(), 0),
      server_cpu: cpuSeconds(this.#peer.pid),
      client_cpu: cpuSeconds(process.pid),
    };
  }
}
