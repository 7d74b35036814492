/** How much one person and one socket may say. Kept in memory: it is forgotten only after more quiet than it counts. */
import { MESSAGE_WINDOW_MS, MESSAGES_PER_WINDOW } from "#contract/chat";

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

const FRAMES_PER_SECOND = 20;
const FRAMES_AT_ONCE = 60;
const ERROR_EVERY_MS = 1_000;
/** So many refused frames without a pause are no accident. */
const REFUSED_MAX = 1_000;

/** Frames of one socket, of whatever type. */
export class FrameLimit {
  #tokens = FRAMES_AT_ONCE;
  #at = 0;
  #refused = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  /** `refused`: say nothing more of it; `told`: say so; `flood`: end the socket. */
  take(now: number): "ok" | "told" | "refused" | "flood" {
    const gained = (Math.max(0, now - this.#at) / 1000) * FRAMES_PER_SECOND;
    this.#tokens = Math.min(FRAMES_AT_ONCE, this.#tokens + gained);
    this.#at = now;
    if (this.#tokens >= FRAMES_AT_ONCE / 2) this.#refused = 0;
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return "ok";
    }
    this.#refused += 1;
    if (this.#refused > REFUSED_MAX) return "flood";
    if (now - this.#toldAt < ERROR_EVERY_MS && now >= this.#toldAt) return "refused";
    this.#toldAt = now;
    return "told";
  }
}

/** More than the largest page of history, and some thirty joins of an ordinary channel. */
const ANSWERED_AT_ONCE = 2 * 1024 * 1024;
const ANSWERED_PER_SECOND = 128 * 1024;
/** What D1 and the room are asked for it counts like so much, however little the answer is. */
const ASKED = 32 * 1024;

/**
 * What a socket is sent because it asks, in characters. Who asks on without reading fills our memory, and nothing tells
 * us whether single frames are read; and whoever asks on and on keeps others waiting.
 */
export class AnswerLimit {
  #left = ANSWERED_AT_ONCE;
  #at = 0;

  sent(length: number, now: number): void {
    this.#gain(now);
    this.#left -= length;
  }

  /** Ms until it may ask; 0: this time is counted. */
  ask(now: number): number {
    this.#gain(now);
    if (this.#left <= 0) return Math.ceil(((1 - this.#left) / ANSWERED_PER_SECOND) * 1000);
    this.#left -= ASKED;
    return 0;
  }

  #gain(now: number): void {
    const gained = (Math.max(0, now - this.#at) / 1000) * ANSWERED_PER_SECOND;
    this.#left = Math.min(ANSWERED_AT_ONCE, this.#left + gained);
    this.#at = now;
  }
}
