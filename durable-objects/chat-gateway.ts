/**
 * Sockets, storage and alarm around `Gateway`, on hibernating WebSockets that the Worker has authenticated. Its name is
 * `<region>:<shard>`.
 */
import { type Connection, type ConnectionContext, Server, type WSMessage } from "partyserver";
import { BATCH_PROTOCOL } from "#contract/chat";
import {
  CHAT_IDENTITY_HEADER,
  type ChatGatewayRpc,
  ChatIdentity,
  type Delivery,
  type DeliveryReply,
  type Looks,
} from "#contract/chat-rpc";
import { fromBase64url } from "#kit/base64url";
import { markRead } from "../workers/chat/mark-read.ts";
import { openChannel } from "../workers/chat/open-channel.ts";
import { projectOnlineUsers } from "../workers/chat/project-online-users.ts";
import { type Ctx, systemContext } from "../workers/core/context.ts";
import type { Env } from "../workers/core/env.ts";
import { ApiError } from "../workers/core/errors.ts";
import { logFailure } from "../workers/core/log.ts";
import { Alarm } from "./alarm.ts";
import type { ChannelRef } from "./chat/channel-ref.ts";
import { Gateway, type Opened } from "./chat/gateway.ts";
import { objectStore, objectWorld } from "./chat/object-world.ts";
import type { ChatSocket, SeatMemory } from "./chat/seat.ts";
import { chatRoom } from "./stubs.ts";

const PROTOCOLS = "sec-websocket-protocol";
/** What the runtime says of a close without a code. */
const NO_CODE = 1005;

export class ChatGateway extends Server<Env> implements ChatGatewayRpc {
  static override options = { hibernate: true };

  readonly #alarm: Alarm;
  readonly #gateway: Gateway;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const name = ctx.id.name ?? "";
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair('{"type":"ping"}', '{"type":"pong"}'));
    this.#alarm = new Alarm(ctx.storage);
    const sockets = [...this.getConnections<SeatMemory>()].flatMap((connection) =>
      connection.state ? [{ socket: this.#socket(connection), memory: connection.state as SeatMemory }] : [],
    );
    this.#gateway = new Gateway(
      {
        ...objectWorld(this.#alarm, { gateway: name }),
        name,
        store: objectStore(ctx.storage),
        random: () => crypto.randomUUID(),
        room: (room) => chatRoom(env, room),
        open: (identity, ref) => this.#open(identity, ref),
        markRead: (user_id, message_id) => markRead(this.#context(), user_id, message_id),
        tellOnline: (users) => projectOnlineUsers(this.#context(), name, users),
      },
      sockets,
    );
  }

  /** An upgrade, from the Worker only. 429: this user has sockets enough; 503: this gateway has. */
  override async fetch(request: Request): Promise<Response> {
    const full = this.#gateway.full(identityOf(request));
    if (full !== null) return new Response(null, { status: full === "user" ? 429 : 503 });
    const { status, webSocket } = await super.fetch(request);
    if (!webSocket) return new Response(null, { status });
    const headers = new Headers();
    if (wantsBatches(request)) headers.set(PROTOCOLS, BATCH_PROTOCOL);
    return new Response(null, { status, webSocket, headers });
  }

  override onConnect(connection: Connection, { request }: ConnectionContext): void {
    try {
      this.#gateway.connect(this.#socket(connection), identityOf(request), wantsBatches(request));
    } catch (error) {
      // partyserver would send its stack to the client.
      logFailure("a chat socket was not taken", error, { gateway: this.name });
      connection.close(1011, "internal error");
    }
  }

  override onMessage(connection: Connection, message: WSMessage): void {
    this.#gateway.receive(connection.id, typeof message === "string" ? message : new ArrayBuffer(0));
  }

  override onClose(connection: Connection, code: number): void {
    this.#gateway.disconnect(connection.id);
    // partyserver answers only a close that has a code; a client that gave none would wait for its own time-out.
    if (code === NO_CODE) connection.close();
  }

  override onError(connection: Connection, error: unknown): void {
    logFailure("a chat socket failed", error, { gateway: this.name });
    this.#gateway.disconnect(connection.id);
  }

  override onRequest(): Response {
    return new Response(null, { status: 426, headers: { upgrade: "websocket" } });
  }

  override async onAlarm(): Promise<void> {
    this.#alarm.rang();
    await this.#gateway.alarm();
  }

  async deliver(delivery: Delivery): Promise<DeliveryReply> {
    return this.#gateway.deliver(delivery);
  }

  async disconnect(who: { session: string } | { user_id: number }): Promise<void> {
    this.#gateway.signOut(who);
  }

  async sendHome(user_id: number): Promise<void> {
    this.#gateway.sendHome(user_id);
  }

  async profile(user_id: number, looks: Looks): Promise<void> {
    this.#gateway.looks(user_id, looks);
  }

  async #open(identity: ChatIdentity, ref: ChannelRef): Promise<Opened> {
    try {
      return { ok: true, ...(await openChannel(this.#context(), identity, ref)) };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const { code, message } = error;
      if (code === "unauthenticated" || code === "forbidden") return { ok: false, code, message };
      if (code === "not_found" || code === "bad_key") return { ok: false, code: "not_found", message };
      throw error;
    }
  }

  #context(): Ctx {
    return systemContext(this.env, "chat_gateway", (promise) => this.ctx.waitUntil(promise));
  }

  #socket(connection: Connection): ChatSocket {
    return {
      id: connection.id,
      send: (text) => {
        try {
          connection.send(text);
        } catch {
          // It has just closed, which is told separately.
        }
      },
      close: (code, reason) => {
        try {
          connection.close(code, reason);
        } catch {
          // The same.
        }
      },
      remember: (memory) => void connection.setState(memory),
      isOpen: () => connection.readyState === WebSocket.READY_STATE_OPEN,
      pingedAt: () => this.ctx.getWebSocketAutoResponseTimestamp(connection)?.getTime() ?? null,
    };
  }
}

/** Throws when the Worker did not say who comes. */
function identityOf(request: Request): ChatIdentity {
  const bytes = fromBase64url(request.headers.get(CHAT_IDENTITY_HEADER) ?? "");
  return ChatIdentity.parse(JSON.parse(new TextDecoder().decode(bytes ?? new Uint8Array())));
}

const wantsBatches = (request: Request): boolean =>
  (request.headers.get(PROTOCOLS) ?? "").split(",").some((name) => name.trim() === BATCH_PROTOCOL);
