/** What a join shows, built once for everybody who joined with the same visit. */
import type { ChannelConfig } from "#contract/chat";
import type { ChannelInfo } from "#contract/chat-frames";
import type { Snapshot, Standing } from "#contract/chat-rpc";
import type { Seat } from "./seat.ts";

export function channelInfo(config: ChannelConfig, standing: Standing, rev: number): ChannelInfo {
  const { id, name, description, topic, visibility, mode, slowmode_seconds, stream } = config;
  const can_moderate = standing === "moderator";
  return {
    type: "channel_info",
    channel_id: id,
    rev,
    id,
    name,
    description,
    topic,
    visibility,
    mode,
    slowmode_seconds,
    can_send: can_moderate || (standing === "member" && mode === "open"),
    can_moderate,
    ...(stream && {
      stream_id: stream.id,
      stream_name: stream.title,
      stream_is_live: stream.is_live,
      stream_public_key: stream.public_key,
    }),
  };
}

export class Snapshots {
  readonly #snapshot: Snapshot;
  readonly #where: { channel_id: number; rev: number };
  readonly #history: string;
  readonly #pinned: string | null;
  readonly #users: string;
  /** Who wrote something anonymous in it. */
  readonly #anonymous: Set<number>;

  constructor(room: number, rev: number, snapshot: Snapshot) {
    const { history, pinned, users, total, guests } = snapshot;
    this.#snapshot = snapshot;
    this.#where = { channel_id: room, rev };
    const written = [...history, ...pinned];
    this.#anonymous = new Set(written.filter(({ message }) => message.anonymous).map(({ author }) => author));
    this.#history = this.#historyFor(null);
    this.#pinned = pinned.length > 0 ? this.#pinnedFor(null) : null;
    this.#users = JSON.stringify({ type: "users", ...this.#where, users, total, guests });
  }

  send(seat: Seat, config: ChannelConfig): void {
    const reader = seat.user_id;
    const wrote = reader !== null && this.#anonymous.has(reader);
    seat.tell(channelInfo(config, seat.place?.standing ?? "guest", this.#where.rev));
    seat.send(wrote ? this.#historyFor(reader) : this.#history);
    if (this.#pinned !== null) seat.send(wrote ? this.#pinnedFor(reader) : this.#pinned);
    seat.send(this.#users);
  }

  #historyFor(reader: number | null): string {
    const { history, has_more } = this.#snapshot;
    return JSON.stringify({ type: "history", ...this.#where, messages: forReader(history, reader), has_more });
  }

  #pinnedFor(reader: number | null): string {
    const messages = forReader(this.#snapshot.pinned, reader);
    return JSON.stringify({ type: "pinned_messages", ...this.#where, messages });
  }
}

/** Somebody anonymous recognises what they wrote; nobody else does. */
export const forReader = <M extends { anonymous: boolean }>(
  written: { message: M; author: number }[],
  reader: number | null,
): M[] =>
  written.map(({ message, author }) =>
    message.anonymous && author === reader ? { ...message, own: true as const } : message,
  );
