/**
 * What the user did and the room has not confirmed. Each has a nonce, so that sending it again does nothing twice, and
 * goes in order: one message at a time, and beside them one change of existing messages at a time.
 */
import type { ReplyPreview } from "#contract/chat";
import type { ErrorFrame } from "#contract/chat-frames";
import { toBase64url } from "#kit/base64url";
import type { Saying } from "./connection.ts";

const PATIENCE_MS = 20_000;
const PAUSE_MS = 2_000;
/** A little less than the room remembers nonces. */
const REMEMBERED_MS = 9 * 60_000;

export type Action =
  | { kind: "message"; message: string; reply: ReplyPreview | null }
  | { kind: "edit"; message_id: number; message: string }
  | { kind: "react"; message_id: number; emoji: string }
  | { kind: "delete" | "pin" | "unpin"; message_id: number };

export type Entry = {
  nonce: string;
  action: Action;
  /** UTC ms. */
  since: number;
  /** When it was sent first, if it was. */
  tried: number | null;
  state: "sending" | "failed";
  /** Why it failed, or what it waits for. */
  problem: string | null;
  /** It failed since nobody answered. */
  isUnanswered: boolean;
  /** UTC ms before which another try is no use. */
  notBefore: number;
};

export type OutboxOptions = {
  /** False: there is no connection. */
  send(frame: Saying): boolean;
  changed(entries: readonly Entry[]): void;
};

type Lane = "messages" | "changes";

const laneOf = ({ action }: Entry): Lane => (action.kind === "message" ? "messages" : "changes");

const newNonce = () => toBase64url(crypto.getRandomValues(new Uint8Array(16)));

export class Outbox {
  readonly #options: OutboxOptions;
  #entries: readonly Entry[] = [];
  #isOpen = false;
  /** Each busy lane: what it waits an answer for (null: it pauses), and for how long. */
  readonly #busy = new Map<Lane, { nonce: string | null; timer: ReturnType<typeof setTimeout> }>();

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  has(nonce: string): boolean {
    return this.#entries.some((entry) => entry.nonce === nonce);
  }

  add(action: Action): Entry {
    const entry: Entry = {
      nonce: newNonce(),
      action,
      since: Date.now(),
      tried: null,
      state: "sending",
      problem: null,
      isUnanswered: false,
      notBefore: 0,
    };
    this.#change([...this.#entries, entry]);
    this.#next(laneOf(entry));
    return entry;
  }

  /**
   * The view is up to date: what it did not confirm goes out again. `sure`: it would have, had the room done it; else
   * only as far as the room remembers nonces.
   */
  open(sure: boolean): void {
    const old = Date.now() - REMEMBERED_MS;
    if (!sure) {
      for (const { nonce, state, tried } of this.#entries) {
        if (state === "sending" && tried !== null && tried < old) {
          this.#fail(nonce, "It may have been done: look before you try again.");
        }
      }
    }
    this.#isOpen = true;
    this.#next("messages");
    this.#next("changes");
  }

  /** Nothing can be sent, or nothing should be until the view is up to date. */
  shut(): void {
    this.#isOpen = false;
    for (const lane of [...this.#busy.keys()]) this.#free(lane);
    // That nobody answered is explained now: it goes out again with the rest.
    for (const { nonce, isUnanswered } of this.#entries) {
      if (isUnanswered) this.#patch(nonce, { state: "sending", problem: null, isUnanswered: false });
    }
  }

  /** True: the error is about something from here. */
  refuse({ nonce, error_code, message, retry_after, cooldown_remaining }: ErrorFrame): boolean {
    const entry = this.#entries.find((each) => each.nonce === nonce);
    if (!entry) return false;
    const wait = (retry_after ?? cooldown_remaining ?? 0) * 1000;
    // Sent, and deleted since; or to be deleted, and gone already.
    const isOver = error_code === "deleted" || (error_code === "not_found" && entry.action.kind === "delete");
    const isWaitedFor = this.#busy.get(laneOf(entry))?.nonce === entry.nonce;
    const mayWork = error_code === "unavailable" && Date.now() - (entry.tried ?? 0) < PATIENCE_MS;
    if (isOver) this.discard(entry.nonce);
    else if (isWaitedFor && (error_code === "rate_limited" || mayWork)) this.#pause(entry, message, wait || PAUSE_MS);
    else {
      const { action } = entry;
      // What it answers is gone: sent again, it stands for itself.
      if (error_code === "not_found" && action.kind === "message") {
        this.#patch(entry.nonce, { action: { ...action, reply: null } });
      }
      this.#fail(entry.nonce, message, Date.now() + wait);
    }
    return true;
  }

  retry(nonce: string): void {
    const entry = this.#entries.find((each) => each.nonce === nonce);
    if (entry?.state !== "failed") return;
    this.#patch(nonce, { state: "sending", problem: null, isUnanswered: false, tried: null });
    this.#next(laneOf(entry));
  }

  /** The room did it, or the user does not want it any more. */
  discard(nonce: string): void {
    const entry = this.#entries.find((each) => each.nonce === nonce);
    if (!entry) return;
    this.#change(this.#entries.filter((each) => each !== entry));
    this.#release(entry);
  }

  #next(lane: Lane): void {
    if (!this.#isOpen || this.#busy.has(lane)) return;
    const entry = this.#entries.find((each) => each.state === "sending" && laneOf(each) === lane);
    if (!entry || !this.#options.send(frameOf(entry))) return;
    const { nonce } = entry;
    const timer = setTimeout(() => {
      this.#patch(nonce, { isUnanswered: true });
      this.#fail(nonce, "The server did not answer.");
    }, PATIENCE_MS);
    this.#busy.set(lane, { nonce, timer });
    this.#patch(nonce, { tried: entry.tried ?? Date.now(), problem: null, notBefore: 0 });
  }

  /** It stays first in its lane and goes out again after `wait`. */
  #pause(entry: Entry, problem: string | null, wait: number): void {
    const lane = laneOf(entry);
    this.#free(lane);
    const timer = setTimeout(() => {
      this.#busy.delete(lane);
      this.#next(lane);
    }, wait);
    this.#busy.set(lane, { nonce: null, timer });
    this.#patch(entry.nonce, { problem, notBefore: Date.now() + wait });
  }

  #fail(nonce: string, problem: string, notBefore = 0): void {
    const entry = this.#entries.find((each) => each.nonce === nonce);
    if (!entry) return;
    this.#patch(nonce, { state: "failed", problem, notBefore });
    this.#release(entry);
  }

  /** The next one's turn, if this one was waited for. */
  #release(entry: Entry): void {
    const lane = laneOf(entry);
    if (this.#busy.get(lane)?.nonce !== entry.nonce) return;
    this.#free(lane);
    this.#next(lane);
  }

  #free(lane: Lane): void {
    clearTimeout(this.#busy.get(lane)?.timer);
    this.#busy.delete(lane);
  }

  #patch(nonce: string, patch: Partial<Entry>): void {
    this.#change(this.#entries.map((entry) => (entry.nonce === nonce ? { ...entry, ...patch } : entry)));
  }

  #change(entries: readonly Entry[]): void {
    this.#entries = entries;
    this.#options.changed(entries);
  }
}

function frameOf({ action, nonce }: Entry): Saying {
  switch (action.kind) {
    case "message": {
      const { message, reply } = action;
      return { type: "message", message, nonce, ...(reply && { reply_to: reply.id }) };
    }
    case "edit":
      return { type: "edit_message", message_id: action.message_id, message: action.message, nonce };
    case "react":
      return { type: "react", message_id: action.message_id, emoji: action.emoji, nonce };
    case "delete":
      return { type: "delete", message_id: action.message_id, nonce };
    case "pin":
      return { type: "pin_message", message_id: action.message_id, nonce };
    case "unpin":
      return { type: "unpin_message", message_id: action.message_id, nonce };
  }
}
