/** Chat for one user of this page: one connection, the channel that is looked at, and what is known of the others. */
import { BATCH_PROTOCOL, type ChatProfile } from "#contract/chat";
import type { ErrorFrame, ServerFrame } from "#contract/chat-frames";
import { createStore, type Store } from "../player/store.ts";
import { Channel } from "./channel.ts";
import { Connection, type ConnectionOptions, type Link } from "./connection.ts";
import type { RoomFrame } from "./room.ts";
import { wakeUps } from "./wake-ups.ts";

/** A way from one page with chat to another does not end the connection. */
const LINGER_MS = 3_000;
const CHANNELS_KEPT = 20;

export type ChatState = {
  link: Link;
  /** Whom the server takes this for; null: a guest; undefined: it has not said yet. */
  user: ChatProfile | null | undefined;
};

export type ChatOptions = Partial<Pick<ConnectionOptions, "socket" | "wakeUps" | "random">>;

const openSocket = () => new WebSocket(`${location.origin.replace(/^http/, "ws")}/ws/chat`, [BATCH_PROTOCOL]);

export class Chat {
  readonly store: Store<ChatState> = createStore<ChatState>({ link: { state: "closed" }, user: undefined });
  readonly #connection: Connection;
  readonly #channels = new Map<number, Channel>();
  #present: Channel | null = null;
  #closing: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ChatOptions = {}) {
    this.#connection = new Connection({
      socket: openSocket,
      wakeUps,
      ...options,
      hear: (frames) => this.#hear(frames),
      changed: (link) => this.#changed(link),
    });
  }

  channel(id: number): Channel {
    const known = this.#channels.get(id);
    if (known) return known;
    this.#forgetSome();
    const channel = new Channel(id, (frame) => this.#connection.send(frame));
    this.#channels.set(id, channel);
    return channel;
  }

  /** Looks at this channel, and no longer at another. Returns how to leave it. */
  enter(channel: Channel): () => void {
    clearTimeout(this.#closing);
    this.#present?.detach();
    this.#present = channel;
    this.#connection.open();
    if (this.store.get().link.state === "open") channel.attach();
    return () => {
      if (this.#present !== channel) return;
      channel.detach();
      this.#present = null;
      this.#closing = setTimeout(() => this.#connection.close(), LINGER_MS);
    };
  }

  /** Once there is a session again. */
  reopen(): void {
    if (this.#present) this.#connection.open();
  }

  #changed(link: Link): void {
    this.store.set({ link });
    if (link.state === "open") this.#present?.attach();
    else this.#present?.detach();
  }

  #hear(frames: ServerFrame[]): void {
    let heard: RoomFrame[] = [];
    const pass = () => {
      if (heard.length > 0) this.#present?.hear(heard, this.store.get().user?.user_id ?? null);
      heard = [];
    };
    for (const frame of frames) {
      if ("channel_id" in frame) {
        if (frame.channel_id === this.#present?.id) heard.push(frame);
        continue;
      }
      pass();
      if (frame.type === "connected") this.store.set({ user: frame.user });
      else if (frame.type === "error") this.#refuse(frame);
    }
    pass();
  }

  /** What was sent in a channel that was left meanwhile may be refused now. */
  #refuse(error: ErrorFrame): void {
    if (this.#present?.refuse(error) || error.nonce === undefined) return;
    for (const channel of this.#channels.values()) if (channel.refuse(error)) return;
  }

  /** The oldest ones, unless something of theirs is not sent yet. */
  #forgetSome(): void {
    for (const [id, channel] of this.#channels) {
      if (this.#channels.size < CHANNELS_KEPT) return;
      const isIdle = channel !== this.#present && channel.store.get().entries.length === 0 && channel.draft === "";
      if (isIdle) this.#channels.delete(id);
    }
  }
}
