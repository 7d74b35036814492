/**
 * A chat client as the contract wants one: it joins, says things under nonces, comes back by itself when it is cut off,
 * resumes from the last change it has, and sends again what was not confirmed. All it was shown is kept for `judge`.
 */
import {
  CHANGE_TYPES,
  type Change,
  type ChatErrorCode,
  type ErrorFrame,
  type ServerFrame,
} from "#contract/chat-frames";
import type { ActionFrame, HistoryFrame, Sent, Shown, Witness } from "./chat-history.ts";
import { ChatSocket, type ChatSocketOptions, type Sendable, UpgradeRefused } from "./chat-socket.ts";

/** What a client needs of the world: the real one, unless a test makes up its own. */
export type ChatNetwork = {
  open(options: ChatSocketOptions): Promise<Pick<ChatSocket, "send" | "terminate">>;
  /** Returns what undoes it. */
  setTimer(action: () => void, ms: number): () => void;
  random(): number;
};

const REAL: ChatNetwork & { open(options: ChatSocketOptions): Promise<ChatSocket> } = {
  open: (options) => ChatSocket.open(options),
  setTimer(action, ms) {
    const timer = setTimeout(action, ms);
    return () => clearTimeout(timer);
  },
  random: Math.random,
};

export type ChatClientOptions = {
  /** `http://host:port` of the Worker. */
  origin: string;
  /** In sentences about faults, and the beginning of its nonces. */
  name: string;
  token?: string;
  batched?: boolean;
  join: Extract<Sendable, { type: "join" }>;
  /** Told of each change that is shown, as soon as it is. */
  onChange?(change: Change): void;
  network?: ChatNetwork;
};

/** How an action may be written: the nonce is given by the client. */
export type Action = ActionFrame extends infer F ? (F extends { nonce?: string } ? Omit<F, "nonce"> : never) : never;

const BACK_MS = 50;
const BACK_MAX_MS = 1000;
/** Another try may work. */
const PASSING: ReadonlySet<ChatErrorCode> = new Set(["rate_limited", "slowmode", "unavailable", "not_joined"]);
const RETRY_MS = 250;

const isChange = (frame: ServerFrame): frame is Change => CHANGE_TYPES.has(frame.type);

export class ChatClient implements Witness {
  readonly name: string;
  readonly shown: Shown[] = [];
  readonly repeated: Change[] = [];
  readonly sent: Sent[] = [];
  readonly errors: ErrorFrame[] = [];
  /** Status of upgrades that were refused, codes of sockets that were closed by others. */
  readonly refusals: number[] = [];
  readonly closes: number[] = [];
  /** How often a change was missed on an open socket. */
  gaps = 0;
  /** How often it was shown a history after the first one. */
  resets = 0;
  /** How often it resumed and was given all that it had missed. */
  resumes = 0;

  readonly #options: ChatClientOptions;
  readonly #ready = Promise.withResolvers<void>();
  readonly #network: ChatNetwork;
  #socket: Pick<ChatSocket, "send" | "terminate"> | null = null;
  #channel: number | null = null;
  #rev: number | null = null;
  /** On this socket a resume or a join is under way. */
  #catchingUp = true;
  #attempts = 0;
  #ended = false;
  readonly #unconfirmed = new Map<string, Sent>();
  /** Sent more than once: their change may come more than once too. */
  readonly #again = new Set<string>();
  /** Of those that were refused for now. */
  readonly #retries = new Map<string, () => void>();
  #back: (() => void) | undefined;

  constructor(options: ChatClientOptions) {
    this.name = options.name;
    this.#options = options;
    this.#network = options.network ?? REAL;
    void this.#connect();
  }

  /** Resolves when it was shown the channel for the first time. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  get socket(): ChatSocket | null {
    return this.#socket instanceof ChatSocket ? this.#socket : null;
  }

  /** The last change it has; null before the first history. */
  get rev(): number | null {
    return this.#rev;
  }

  /** It has a socket on which it was told that it has everything. */
  get isUpToDate(): boolean {
    return this.#socket !== null && !this.#catchingUp;
  }

  /** How many of its actions are neither confirmed nor refused. */
  get waiting(): number {
    return this.#unconfirmed.size;
  }

  say(message: string): Sent {
    return this.do({ type: "message", message });
  }

  do(action: Action): Sent {
    const nonce = `${this.name}.${this.sent.length}`;
    const sent: Sent = { frame: { ...action, nonce }, ordered: true, confirmed: null, refused: null };
    this.sent.push(sent);
    this.#unconfirmed.set(nonce, sent);
    this.#socket?.send(sent.frame);
    return sent;
  }

  /** Its network goes away; it comes back by itself. */
  drop(): void {
    this.#socket?.terminate();
  }

  /** For good. */
  end(): void {
    this.#ended = true;
    this.#back?.();
    for (const undo of this.#retries.values()) undo();
    this.#socket?.terminate();
  }

  async #connect(): Promise<void> {
    const { origin, token, batched } = this.#options;
    try {
      const socket = await this.#network.open({
        url: `${origin.replace("http", "ws")}/ws/chat`,
        ...(token !== undefined && { token }),
        ...(batched !== undefined && { batched }),
        onFrame: (frame) => this.#frame(frame),
        onClose: (code) => this.#closed(code),
      });
      if (this.#ended) return socket.terminate();
      this.#socket = socket;
      this.#attempts = 0;
      this.#enter(socket);
    } catch (error) {
      if (error instanceof UpgradeRefused) this.refusals.push(error.status);
      this.#comeBack();
    }
  }

  #enter(socket: Pick<ChatSocket, "send">): void {
    this.#catchingUp = true;
    if (this.#channel === null || this.#rev === null) socket.send(this.#options.join);
    else socket.send({ type: "resume", channel_id: this.#channel, rev: this.#rev });
    this.#sendAgain();
  }

  #closed(code: number): void {
    if (this.#socket === null) return; // it was never open: `#connect` sees that
    this.#socket = null;
    this.closes.push(code);
    this.#comeBack();
  }

  #comeBack(): void {
    if (this.#ended) return;
    const wait = Math.min(BACK_MAX_MS, BACK_MS * 2 ** this.#attempts++) * (0.5 + this.#network.random() / 2);
    this.#back = this.#network.setTimer(() => void this.#connect(), wait);
  }

  /** In the order of their sending. */
  #sendAgain(): void {
    for (const [nonce, { frame }] of this.#unconfirmed) {
      if (this.#retries.has(nonce)) continue;
      this.#again.add(nonce);
      this.#socket?.send(frame);
    }
  }

  #frame(frame: ServerFrame): void {
    if (isChange(frame)) {
      this.#change(frame);
    } else if (frame.type === "history" && frame.before_id === undefined) {
      this.#reset(frame);
    } else if (frame.type === "resumed") {
      this.resumes++;
      this.#catchingUp = false;
    } else if (frame.type === "error") {
      this.errors.push(frame);
      this.#refused(frame);
    }
  }

  #reset(history: HistoryFrame): void {
    const again = this.#rev !== null;
    this.#channel = history.channel_id;
    this.#rev = history.rev;
    this.#catchingUp = false;
    this.shown.push(history);
    this.#ready.resolve();
    if (!again) return;
    this.resets++;
    // What was done meanwhile is in there, and tells no nonce.
    this.#sendAgain();
  }

  #change(change: Change): void {
    const rev = this.#rev;
    const nonce = "nonce" in change ? change.nonce : undefined;
    if (nonce !== undefined) this.#confirm(nonce, change);
    if (rev === null || change.rev === rev + 1) {
      this.#rev = change.rev;
      this.shown.push(change);
      this.#options.onChange?.(change);
    } else if (change.rev <= rev) {
      if (nonce === undefined || !this.#again.has(nonce)) this.repeated.push(change);
    } else if (!this.#catchingUp && this.#socket !== null && this.#channel !== null) {
      this.gaps++;
      this.#catchingUp = true;
      this.#socket.send({ type: "resume", channel_id: this.#channel, rev });
    }
  }

  #confirm(nonce: string, change: Change): void {
    const sent = this.#unconfirmed.get(nonce);
    if (sent === undefined) return;
    sent.confirmed = change;
    this.#settle(nonce);
  }

  #settle(nonce: string): void {
    this.#unconfirmed.delete(nonce);
    this.#retries.get(nonce)?.();
    this.#retries.delete(nonce);
  }

  #refused({ nonce, error_code, retry_after, cooldown_remaining }: ErrorFrame): void {
    if (nonce === undefined && this.#catchingUp && PASSING.has(error_code)) {
      const socket = this.#socket;
      this.#network.setTimer(() => socket !== null && socket === this.#socket && this.#enter(socket), RETRY_MS);
    }
    const sent = nonce === undefined ? undefined : this.#unconfirmed.get(nonce);
    if (nonce === undefined || sent === undefined) return;
    if (!PASSING.has(error_code)) {
      sent.refused = error_code;
      this.#settle(nonce);
      return;
    }
    sent.ordered = false;
    const seconds = retry_after ?? cooldown_remaining;
    const retry = () => {
      this.#retries.delete(nonce);
      this.#again.add(nonce);
      this.#socket?.send(sent.frame);
    };
    this.#retries.set(nonce, this.#network.setTimer(retry, seconds === undefined ? RETRY_MS : seconds * 1000));
  }
}
