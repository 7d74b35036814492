/** How much one person and one socket may say. Kept in memory: it is forgotten only after more quiet than it counts. */
import { MESSAGE_WINDOW_MS, MESSAGES_PER_WINDOW, STEPS_AT_ONCE, STEPS_PER_SECOND } from "#contract/chat";

/** Messages of one user over all their sockets. A resend under a nonce that was counted is not counted again. */
export class MessageLimit {
  readonly #perWindow: number;
  #sent: { at: number; nonce: string | undefined }[] = [];

  constructor(perWindow = MESSAGES_PER_WINDOW) {
    this.#perWindow = perWindow;
  }

  /** Ms until the next one may come; 0: this one is counted. */
  take(nonce: string | undefined, now: number): number {
    this.#sent = this.#sent.filter(({ at }) => at > now - MESSAGE_WINDOW_MS && at <= now);
    if (nonce !== undefined && this.#sent.some((sent) => sent.nonce === nonce)) return 0;
    const [oldest] = this.#sent;
    if (oldest && this.#sent.length >= this.#perWindow) return oldest.at + MESSAGE_WINDOW_MS - now;
    this.#sent.push({ at: now, nonce });
    return 0;
  }
}

/** So much at once, then so much a second. A clock that is set back gives nothing. */
class Allowance {
  readonly #atOnce: number;
  readonly #perSecond: number;
  #left: number;
  #at = 0;

  constructor(atOnce: number, perSecond: number) {
    this.#atOnce = atOnce;
    this.#perSecond = perSecond;
    this.#left = atOnce;
  }

  left(now: number): number {
    const gained = (Math.max(0, now - this.#at) / 1000) * this.#perSecond;
    this.#left = Math.min(this.#atOnce, this.#left + gained);
    this.#at = now;
    return this.#left;
  }

  /** It may go below zero. */
  spend(amount: number): void {
    this.#left -= amount;
  }

  /** Ms until there is so much again. */
  wait(amount: number, now: number): number {
    return Math.ceil((Math.max(0, amount - this.left(now)) / this.#perSecond) * 1000);
  }
}

const FRAMES_PER_SECOND = 20;
const FRAMES_AT_ONCE = 60;
const ERROR_EVERY_MS = 1_000;
/** So many refused frames without a pause are no accident. */
const REFUSED_MAX = 1_000;

/** Frames of one socket, of whatever type. */
export class FrameLimit {
  readonly #allowance = new Allowance(FRAMES_AT_ONCE, FRAMES_PER_SECOND);
  #refused = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  /** `refused`: say nothing more of it; `told`: say so; `flood`: end the socket. */
  take(now: number): "ok" | "told" | "refused" | "flood" {
    const left = this.#allowance.left(now);
    if (left >= FRAMES_AT_ONCE / 2) this.#refused = 0;
    if (left >= 1) {
      this.#allowance.spend(1);
      return "ok";
    }
    this.#refused += 1;
    if (this.#refused > REFUSED_MAX) return "flood";
    if (now - this.#toldAt < ERROR_EVERY_MS && now >= this.#toldAt) return "refused";
    this.#toldAt = now;
    return "told";
  }
}

/**
 * How often one user, over all their sockets, does what others feel: joins, for which D1 is asked, or edits, reactions
 * and the like, which all in the room are told.
 */
export class StepLimit {
  readonly #allowance = new Allowance(STEPS_AT_ONCE, STEPS_PER_SECOND);

  /** Ms until the next one; 0: this one is counted. */
  take(now: number): number {
    const wait = this.#allowance.wait(1, now);
    if (wait === 0) this.#allowance.spend(1);
    return wait;
  }
}

/** More than the largest page of history, and some fifty joins of an ordinary channel. */
const ANSWERED_AT_ONCE = 2 * 1024 * 1024;
const ANSWERED_PER_SECOND = 128 * 1024;

/**
 * What a socket is sent because it asks, in characters. Who asks on without reading fills our memory, and nothing tells
 * us whether single frames are read.
 */
export class AnswerLimit {
  readonly #allowance = new Allowance(ANSWERED_AT_ONCE, ANSWERED_PER_SECOND);

  sent(length: number, now: number): void {
    this.#allowance.left(now);
    this.#allowance.spend(length);
  }

  /** Ms until it may ask again. */
  wait(now: number): number {
    return this.#allowance.wait(1, now);
  }
}
