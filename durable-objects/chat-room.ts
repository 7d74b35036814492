/** Storage, alarm and calls around `Room`, for one channel. Its name is the room's number in decimal. */
import { DurableObject } from "cloudflare:workers";
import type { ChannelConfig, ChatMessage, ChatProfile } from "#contract/chat";
import type { ActReply, ChatRoomRpc, HistoryReply, RoomAction, Visit, VisitReply } from "#contract/chat-rpc";
import { projectLastSeq } from "../workers/chat/project-last-seq.ts";
import { recordDeeds } from "../workers/chat/record-deeds.ts";
import { systemContext } from "../workers/core/context.ts";
import type { Env } from "../workers/core/env.ts";
import { parseEnv } from "../workers/core/env.ts";
import { roomSeal } from "../workers/core/room-seal.ts";
import { Alarm } from "./alarm.ts";
import { objectStore, objectWorld } from "./chat/object-world.ts";
import { Room } from "./chat/room.ts";
import { chatGateway } from "./stubs.ts";

export class ChatRoom extends DurableObject<Env> implements ChatRoomRpc {
  readonly #alarm: Alarm;
  readonly #room: Room;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const room = Number(ctx.id.name);
    if (!Number.isSafeInteger(room)) throw new Error("a chat room's name is its number");
    this.#alarm = new Alarm(ctx.storage);
    const context = () => systemContext(env, "chat_room", (promise) => ctx.waitUntil(promise));
    this.#room = new Room({
      ...objectWorld(this.#alarm, { room }),
      room,
      store: objectStore(ctx.storage),
      sealer: roomSeal(parseEnv(env).secret, room),
      gateway: (name) => chatGateway(env, name),
      project: (seq) => projectLastSeq(context(), room, seq),
      record: (deeds) => recordDeeds(context(), room, deeds),
    });
  }

  async visit(visit: Visit): Promise<VisitReply> {
    return this.#room.visit(visit);
  }

  async act(action: RoomAction): Promise<ActReply> {
    return this.#room.act(action);
  }

  async typing(by: ChatProfile): Promise<void> {
    this.#room.typing(by);
  }

  async history(before_id: number, limit: number): Promise<HistoryReply> {
    return this.#room.history(before_id, limit);
  }

  async thread(message_id: number, reader: number): Promise<ChatMessage[]> {
    return this.#room.thread(message_id, reader);
  }

  async configure(config: ChannelConfig): Promise<void> {
    this.#room.configure(config);
  }

  async streamStatus(stream_id: number, is_live: 0 | 1 | 2, live_version: number): Promise<void> {
    this.#room.streamStatus(stream_id, is_live, live_version);
  }

  async newest(): Promise<number[]> {
    return this.#room.newest();
  }

  async clear(by: { user_id: number; username: string }, order: string): Promise<number> {
    return this.#room.clear(by, order);
  }

  async destroy(): Promise<void> {
    this.#room.destroy();
  }

  override async alarm(): Promise<void> {
    this.#alarm.rang();
    await this.#room.alarm();
  }
}
