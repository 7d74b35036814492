/** A server's side of chat in a few lines: sockets that do what the test says, and frames with little in them. */
import type { ChatMessage } from "#contract/chat";
import type { Change, MessageFrame, ServerFrame } from "#contract/chat-frames";
import type { Saying, Socket } from "../../../web/chat/connection.ts";

export const ROOM = 7;

export class FakeSocket extends EventTarget {
  readonly said: Saying[] = [];
  isClosed = false;

  send(data: string): void {
    this.said.push(JSON.parse(data));
  }

  close(): void {
    this.isClosed = true;
  }

  opens(): void {
    this.dispatchEvent(new Event("open"));
  }

  /** As the batch protocol sends them: in one array. */
  hears(...frames: ServerFrame[]): void {
    this.hearsText(JSON.stringify(frames));
  }

  hearsText(data: string): void {
    this.dispatchEvent(new MessageEvent("message", { data }));
  }

  /** Closed by the server, or by nobody. */
  ends(code = 1006): void {
    this.dispatchEvent(new CloseEvent("close", { code }));
  }

  saidOf<Type extends Saying["type"]>(type: Type): Extract<Saying, { type: Type }>[] {
    return this.said.filter((frame): frame is Extract<Saying, { type: Type }> => frame.type === type);
  }

  asSocket(): Socket {
    return this as unknown as Socket;
  }
}

/** Every socket that was asked for; the last one is the present one. */
export class FakeServer {
  readonly sockets: FakeSocket[] = [];
  #wake = () => {};

  socket = (): Socket => {
    const socket = new FakeSocket();
    this.sockets.push(socket);
    return socket.asSocket();
  };

  wakeUps = (listener: () => void) => {
    this.#wake = listener;
    return () => {
      this.#wake = () => {};
    };
  };

  wakes(): void {
    this.#wake();
  }

  get last(): FakeSocket {
    return this.sockets.at(-1)!;
  }
}

export const ADA = {
  user_id: 1,
  username: "ada",
  nickname: null,
  role: "user",
  anonymous: false,
  avatar: {},
} as const;

export const idOf = (seq: number) => ROOM * 2 ** 28 + seq;

export const message = (rev: number, seq: number, more: Partial<MessageFrame> = {}): MessageFrame => ({
  type: "message",
  channel_id: ROOM,
  rev,
  ...ADA,
  id: idOf(seq),
  message: `message ${seq}`,
  created_at: "2026-11-28T10:00:00.000Z",
  edited_at: null,
  ...more,
});

export const past = (seq: number, more: Partial<ChatMessage> = {}): ChatMessage => ({
  ...ADA,
  id: idOf(seq),
  message: `message ${seq}`,
  created_at: "2026-11-28T10:00:00.000Z",
  edited_at: null,
  reactions: [],
  pinned: false,
  ...more,
});

type Frame<Type extends ServerFrame["type"]> = Extract<ServerFrame, { type: Type }>;

export const history = (rev: number, seqs: number[], more: Partial<Frame<"history">> = {}): Frame<"history"> => ({
  type: "history",
  channel_id: ROOM,
  rev,
  messages: seqs.map((seq) => past(seq)),
  has_more: false,
  ...more,
});

export const resumed = (rev: number): Frame<"resumed"> => ({ type: "resumed", channel_id: ROOM, rev });

export const edited = (rev: number, seq: number, text: string): Change => ({
  type: "message_edited",
  channel_id: ROOM,
  rev,
  message_id: idOf(seq),
  new_text: text,
  message: text,
  edited_at: "2026-11-28T10:01:00.000Z",
});

export const deleted = (rev: number, seq: number): Change => ({
  type: "message_deleted",
  channel_id: ROOM,
  rev,
  message_id: idOf(seq),
  deleted_by: 1,
});

export const reacted = (
  rev: number,
  seq: number,
  emoji: string,
  more: Partial<Extract<Change, { type: "reaction_update" }>> = {},
): Change => ({
  type: "reaction_update",
  channel_id: ROOM,
  rev,
  message_id: idOf(seq),
  emoji,
  user_id: 2,
  username: "bob",
  action: "add",
  added: true,
  count: 1,
  ...more,
});

export const pinned = (rev: number, seq: number): Change => ({
  type: "message_pinned",
  channel_id: ROOM,
  rev,
  message_id: idOf(seq),
  message: `message ${seq}`,
  username: "ada",
  pinned_by: 1,
  pinned_by_username: "ada",
  pinned_at: "2026-11-28T10:02:00.000Z",
});
