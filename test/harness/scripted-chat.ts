/** A server of chat for one page of a browser, which says whatever a test wants. */
import type { Page } from "playwright-core";
import type { ChatMessage, ChatProfile } from "#contract/chat";
import type { ClientFrame, ServerFrame } from "#contract/chat-frames";
import { messageId } from "#kit/message-id";

const ROOM = 1;

export const somebody = (username: string, more: Partial<ChatProfile> = {}): ChatProfile => ({
  user_id: 2,
  username,
  nickname: null,
  role: "user",
  anonymous: false,
  avatar: {},
  ...more,
});

type Said = Partial<Omit<ChatMessage, "id">> & { message: string };

/** What `/ws/chat` says to one page. Of its room, `#general`, it knows all that tests put there. */
export class ScriptedChat {
  readonly said: ClientFrame[] = [];
  readonly lines: ChatMessage[] = [];
  info: Partial<Extract<ServerFrame, { type: "channel_info" }>> = {};
  rev = 1;
  #seq = 0;
  #send: (frames: ServerFrame[]) => void = () => undefined;

  async serve(page: Page): Promise<void> {
    await page.routeWebSocket(/\/ws\/chat$/, (socket) => {
      this.#send = (frames) => socket.send(JSON.stringify(frames));
      this.#send([{ type: "connected", user: somebody("ada") }]);
      socket.onMessage((data) => this.#answer(JSON.parse(String(data))));
    });
  }

  /** One more message in its history. */
  add({ message, ...more }: Said): ChatMessage {
    this.#seq += 1;
    const line: ChatMessage = {
      ...somebody("bob", { user_id: 3 }),
      id: messageId(ROOM, this.#seq),
      message,
      created_at: new Date(Date.now() - 3_600_000 + this.#seq * 1_000).toISOString(),
      edited_at: null,
      reactions: [],
      pinned: false,
      ...more,
    };
    this.lines.push(line);
    return line;
  }

  /** A message that comes now. */
  says(said: Said): void {
    const { reactions, pinned, own, ...line } = this.add(said);
    this.change({ type: "message", ...line });
  }

  /** The next change of the room. */
  change(change: Record<string, unknown> & { type: string }): void {
    this.rev += 1;
    this.tell(change);
  }

  tell(frame: Record<string, unknown> & { type: string }): void {
    this.#send([{ ...frame, channel_id: ROOM, rev: this.rev } as unknown as ServerFrame]);
  }

  tellUsers(people: ChatProfile[]): void {
    const state = { status: "online", status_message: "", last_seen_at: null, in_voice: false };
    const voice = { voice_muted: false, voice_deafened: false, voice_speaking: false, screen_sharing: false };
    const users = people.map((person) => ({ ...person, ...state, ...voice }));
    this.tell({ type: "users", users, total: users.length, guests: 0 });
  }

  #answer(frame: ClientFrame): void {
    this.said.push(frame);
    const where = { channel_id: ROOM, rev: this.rev };
    if (frame.type === "ping") this.#send([{ type: "pong" }]);
    if (frame.type === "history")
      this.#send([{ type: "history", ...where, ...this.#before(frame), before_id: frame.before_id }]);
    if (frame.type !== "join") return;
    this.#send([
      {
        type: "channel_info",
        ...where,
        id: ROOM,
        name: "general",
        description: "",
        topic: "",
        visibility: "public",
        mode: "open",
        slowmode_seconds: 0,
        can_send: true,
        can_moderate: true,
        ...this.info,
      },
      { type: "history", ...where, ...this.#before({ before_id: Number.POSITIVE_INFINITY, limit: 50 }) },
    ]);
  }

  #before({ before_id, limit }: { before_id: number; limit: number }) {
    const older = this.lines.filter(({ id }) => id < before_id);
    return { messages: older.slice(-limit), has_more: older.length > limit };
  }
}
