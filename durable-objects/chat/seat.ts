/** One socket at a gateway: whose it is, where it is, and how far it has read. */
import type { ChatProfile } from "#contract/chat";
import { CHAT_CLOSE, type ErrorFrame, type ServerFrame } from "#contract/chat-frames";
import type { ChatIdentity, Standing, Update } from "#contract/chat-rpc";
import { AnswerLimit, FrameLimit, StepLimit } from "./limits.ts";
import { CATCH_UP_MAX } from "./ring.ts";

/** A socket as the runtime gives it; it never says how much it holds back. */
export type ChatSocket = {
  id: string;
  send(text: string): void;
  close(code: number, reason: string): void;
  /** Kept with the socket while the object sleeps. Null: it has ended, though its other end may not have heard. */
  remember(memory: SeatMemory | null): void;
  /** UTC ms of the last ping that was answered without us; null: none. */
  pingedAt(): number | null;
  isOpen(): boolean;
};

/** How a socket came to be in its room. */
export type Place = {
  room: number;
  standing: Standing;
  /** Joined by a `live_` key: it opens the channel whatever the stream's settings are. */
  by_key: boolean;
};

export type SeatMemory = {
  identity: ChatIdentity;
  batch: boolean;
  /** `rev`: the last change it had when it got there. */
  place: (Place & { rev: number }) | null;
};

/** After so much a reader of batches is asked whether it has read. */
const ASK_AFTER = 64 * 1024;
/** So much unread, and it gets no more until it has caught up. */
const UNREAD_MAX = 256 * 1024;
/** It asks for more and does not read what it gets. */
const UNREAD_END = 1024 * 1024;
/** So much is sent to a socket of single frames that says nothing at all. */
const UNHEARD_MAX = 8 * 1024 * 1024;

/** Who has pinged goes on doing so, each half minute or so. */
const SILENT_MOST_MS = 90_000;

const QUEUE_MAX = 32;
const TYPING_EVERY_MS = 2_000;
const MARK_EVERY_MS = 1_000;

/** More than may be sent to a seat one after the other: it gets what a join shows instead. */
export const isTooMuch = (missed: Update[]): boolean =>
  missed.reduce((sum, { frame }) => sum + frame.length, 0) > CATCH_UP_MAX;

export class Seat {
  identity: ChatIdentity;
  readonly batch: boolean;
  readonly frames = new FrameLimit();
  readonly answers = new AnswerLimit();
  /** Of a guest; those of a user count together. */
  readonly joins = new StepLimit();
  place: Place | null = null;
  /** The last change it surely has; its room's own mark counts when that is higher. */
  rev = 0;
  /** The last change in the history that it was shown. */
  shown = 0;
  /** It reads too slowly: nothing is sent until it has read all. */
  behind = false;
  closed = false;
  readonly #socket: ChatSocket;
  readonly #now: () => number;
  readonly #ended: () => void;
  #sent = 0;
  #asked = 0;
  #read = 0;
  #unheard = 0;
  #heardAt: number;
  #typedAt = Number.NEGATIVE_INFINITY;
  #markedAt = Number.NEGATIVE_INFINITY;
  #queue: Promise<void> = Promise.resolve();
  #queued = 0;

  /** `ended`: called when it was we who closed the socket; its other end may never answer to that. */
  constructor(socket: ChatSocket, identity: ChatIdentity, batch: boolean, now: () => number, ended: () => void) {
    this.#socket = socket;
    this.#ended = ended;
    this.identity = identity;
    this.batch = batch;
    this.#now = now;
    this.#heardAt = now();
  }

  get id(): string {
    return this.#socket.id;
  }

  get user_id(): number | null {
    return this.identity.kind === "user" ? this.identity.user_id : null;
  }

  get profile(): ChatProfile | null {
    return this.identity.kind === "user" ? this.identity.profile : null;
  }

  remember(): void {
    if (this.closed) return;
    const { identity, batch, place, rev } = this;
    this.#socket.remember({ identity, batch, place: place && { ...place, rev } });
  }

  /** One frame, for it alone, at once. */
  send(frame: string): void {
    this.answers.sent(frame.length, this.#now());
    this.push(this.batch ? `[${frame}]` : frame);
  }

  tell(frame: ServerFrame): void {
    this.send(JSON.stringify(frame));
  }

  fail(error: Omit<ErrorFrame, "type">): void {
    this.tell({ type: "error", ...error });
  }

  /** Text that is a whole message of the socket already. */
  push(text: string): void {
    if (this.closed) return;
    this.#socket.send(text);
    if (this.batch) this.#ask(text.length);
    else this.#listen(text.length);
  }

  /** Answer to a `sync`. True: it was behind and has read everything. */
  synced(n: number): boolean {
    if (n <= this.#sent) this.#read = Math.max(this.#read, n);
    if (!this.behind || this.#read < this.#asked) return false;
    this.behind = false;
    return true;
  }

  /**
   * Its socket is gone, and nobody said so: the runtime loses one when it answers a ping while it sends something else
   * on it (workerd of November 2026, `http.c++: expected !currentlySending`).
   */
  get isDead(): boolean {
    if (!this.#socket.isOpen()) return true;
    const pinged = this.#socket.pingedAt();
    return pinged !== null && this.#now() - Math.max(pinged, this.#heardAt) > SILENT_MOST_MS;
  }

  /** Its session or key is over by now. */
  get isExpired(): boolean {
    const { identity } = this;
    return identity.kind === "user" && identity.expires_at !== null && identity.expires_at <= this.#now();
  }

  heard(): void {
    this.#unheard = 0;
    this.#heardAt = this.#now();
  }

  /** True once in a while. */
  maySayTyping(): boolean {
    const now = this.#now();
    if (now - this.#typedAt < TYPING_EVERY_MS && now >= this.#typedAt) return false;
    this.#typedAt = now;
    return true;
  }

  /** True once in a while: what is left out is said again by the next mark. */
  mayMarkRead(): boolean {
    const now = this.#now();
    if (now - this.#markedAt < MARK_EVERY_MS && now >= this.#markedAt) return false;
    this.#markedAt = now;
    return true;
  }

  /** One after the other; false: too many wait already. */
  enqueue(task: () => Promise<void>): boolean {
    if (this.#queued >= QUEUE_MAX) return false;
    this.#queued += 1;
    this.#queue = this.#queue.then(async () => {
      try {
        if (!this.closed) await task();
      } finally {
        this.#queued -= 1;
      }
    });
    return true;
  }

  end(code: number, reason: string): void {
    if (this.closed) return;
    this.closed = true;
    this.#socket.remember(null);
    this.#socket.close(code, reason);
    this.#ended();
  }

  #ask(length: number): void {
    this.#sent += length;
    const unread = this.#sent - this.#read;
    if (unread > UNREAD_MAX) this.behind = true;
    if (unread > UNREAD_END) {
      this.end(CHAT_CLOSE.tooSlow, "it does not read");
    } else if (this.#sent - this.#asked >= ASK_AFTER) {
      this.#asked = this.#sent;
      this.#socket.send(`[{"type":"sync","n":${this.#sent}}]`);
    }
  }

  /** Whoever only listens must at least ping: nothing else tells a reader from a socket that fills up. */
  #listen(length: number): void {
    this.#unheard += length;
    if (this.#unheard <= UNHEARD_MAX) return;
    const pinged = this.#socket.pingedAt();
    if (pinged !== null && pinged > this.#heardAt) {
      this.#heardAt = pinged;
      this.#unheard = 0;
    } else {
      this.end(CHAT_CLOSE.tooSlow, "send a ping now and then");
    }
  }
}
