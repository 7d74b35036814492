/** What somebody at a gateway does in the room they are in, and what they are told when it does not work. */
import type { ChannelMode } from "#contract/chat";
import type { ClientFrame } from "#contract/chat-frames";
import type { ChatRoomRpc, RoomAction } from "#contract/chat-rpc";
import { roomOf } from "#kit/message-id";
import { MessageLimit, StepLimit } from "./limits.ts";
import type { Seat } from "./seat.ts";
import { forReader } from "./snapshot-frames.ts";

const TRIES = 3;
const RETRY_MS = [50, 250];
const LIMITS_MAX = 5_000;

export type ActionsWorld = {
  now(): number;
  random(): string;
  room(room: number): Pick<ChatRoomRpc, "act" | "typing" | "history">;
  markRead(user_id: number, message_id: number): Promise<void>;
  setTimer(action: () => void, ms: number): void;
  failed(what: string, error: unknown, about?: Record<string, unknown>): void;
  /** Of one user in 5 s. */
  messages_per_window?: number;
};

type UserLimits = { messages: MessageLimit; changes: StepLimit; joins: StepLimit };

export type ActFrame = Extract<ClientFrame, { nonce?: string | undefined }>;

export class GatewayActions {
  readonly #world: ActionsWorld;
  readonly #limits = new Map<number, UserLimits>();

  constructor(world: ActionsWorld) {
    this.#world = world;
  }

  async act(seat: Seat, frame: ActFrame): Promise<void> {
    const { nonce } = frame;
    const about = nonce !== undefined && { nonce };
    const { place, identity } = seat;
    if (!place) {
      seat.fail({ error_code: "not_joined", message: "Join a channel first", ...about });
      return;
    }
    if (identity.kind === "guest") {
      seat.fail({ error_code: "unauthenticated", message: "Sign in to take part in this chat", ...about });
      return;
    }
    const { messages, changes } = this.#limitsOf(identity.user_id);
    const now = this.#world.now();
    const wait = frame.type === "message" ? messages.take(nonce, now) : changes.take(now);
    if (wait > 0) {
      const what = frame.type === "message" ? "sending" : "changing";
      const message = `Slow down! You're ${what} messages too fast.`;
      seat.fail({ error_code: "rate_limited", message, retry_after: Math.ceil(wait / 1000), ...about });
      return;
    }
    const by = { user_id: identity.user_id, profile: identity.profile, standing: place.standing };
    const action: RoomAction = { by, nonce: nonce ?? `~${this.#world.random()}`, ...actionOf(frame) };
    // Under one nonce, so that an answer that was lost on its way does not make it happen twice.
    const reply = await this.tried("a room did not answer", () => this.#world.room(place.room).act(action));
    if (reply === null) {
      seat.fail({ error_code: "unavailable", message: "The chat did not answer: try again", ...about });
      return;
    }
    if (reply.ok) {
      // It is in the history that this socket was shown, which names no nonces.
      if (reply.again !== null && reply.rev <= seat.shown) seat.send(reply.again);
      return;
    }
    const { code, message, wait_s } = reply;
    const slowed = wait_s !== undefined && { retry_after: wait_s, cooldown_remaining: wait_s };
    seat.fail({ error_code: code, message, ...slowed, ...about });
  }

  /** Null: it failed each time. */
  async tried<T>(failure: string, call: () => Promise<T>): Promise<T | null> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await call();
      } catch (error) {
        this.#world.failed(failure, error, { attempt });
        if (attempt + 1 >= TRIES) return null;
        await new Promise<void>((resolve) => this.#world.setTimer(resolve, RETRY_MS[attempt] ?? 250));
      }
    }
  }

  /** Of one who could not send it nobody is told. */
  typing(seat: Seat, mode: ChannelMode): void {
    const { place, profile } = seat;
    if (!place || !profile || (mode === "readonly" && place.standing !== "moderator") || !seat.maySayTyping()) return;
    this.#world
      .room(place.room)
      .typing(profile)
      .catch((error: unknown) => this.#world.failed("a room was not told who is typing", error, { room: place.room }));
  }

  markRead(seat: Seat, message_id: number): void {
    if (seat.user_id === null || roomOf(message_id) !== seat.place?.room || !seat.mayMarkRead()) return;
    this.#world
      .markRead(seat.user_id, message_id)
      .catch((error: unknown) => this.#world.failed("a read mark was not kept", error));
  }

  /** What a socket wants to be shown, unless it was shown too much lately. */
  async answer(seat: Seat, show: () => Promise<void>): Promise<void> {
    const wait = seat.answers.wait(this.#world.now());
    if (wait === 0) return show();
    const message = "You ask for more than is shown at once: slow down";
    seat.fail({ error_code: "rate_limited", message, retry_after: Math.ceil(wait / 1000) });
  }

  async history(seat: Seat, before_id: number, limit: number): Promise<void> {
    if (!seat.place) {
      seat.fail({ error_code: "not_joined", message: "Join a channel first" });
      return;
    }
    const { room } = seat.place;
    const page = await this.tried("a room did not answer", () => this.#world.room(room).history(before_id, limit));
    if (page === null) {
      seat.fail({ error_code: "unavailable", message: "The chat did not answer: try again" });
      return;
    }
    const { history, has_more, rev } = page;
    const messages = forReader(history, seat.user_id);
    seat.tell({ type: "history", channel_id: room, rev, messages, has_more, before_id });
  }

  /** False: they have been let into channels too often lately, and are told so. */
  mayJoin(seat: Seat): boolean {
    const joins = seat.user_id === null ? seat.joins : this.#limitsOf(seat.user_id).joins;
    const wait = joins.take(this.#world.now());
    if (wait === 0) return true;
    const message = "You join channels too often: slow down";
    seat.fail({ error_code: "rate_limited", message, retry_after: Math.ceil(wait / 1000) });
    return false;
  }

  #limitsOf(user_id: number): UserLimits {
    const known = this.#limits.get(user_id);
    if (known) return known;
    if (this.#limits.size >= LIMITS_MAX) this.#limits.clear();
    const messages = new MessageLimit(this.#world.messages_per_window);
    const limits = { messages, changes: new StepLimit(), joins: new StepLimit() };
    this.#limits.set(user_id, limits);
    return limits;
  }
}

function actionOf(frame: ActFrame) {
  switch (frame.type) {
    case "message":
      return { kind: "message" as const, message: frame.message, reply_to: frame.reply_to ?? null };
    case "edit_message":
      return { kind: "edit" as const, message_id: frame.message_id, message: frame.message };
    case "delete":
      return { kind: "delete" as const, message_id: frame.message_id };
    case "react":
      return { kind: "react" as const, message_id: frame.message_id, emoji: frame.emoji };
    case "pin_message":
      return { kind: "pin" as const, message_id: frame.message_id };
    case "unpin_message":
      return { kind: "unpin" as const, message_id: frame.message_id };
  }
}
